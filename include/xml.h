/* The tree that FreeSWITCH's XML parser makes, and the binding of lookups. */
#ifndef MOD_RUST_XML_H
#define MOD_RUST_XML_H

#include "types.h"
#include "event.h"

typedef struct switch_xml *switch_xml_t;
typedef struct switch_xml_binding switch_xml_binding_t;
typedef uint32_t switch_xml_section_t;

typedef enum {
	SWITCH_XML_SECTION_RESULT = 0,
	SWITCH_XML_SECTION_CONFIG = 1,
	SWITCH_XML_SECTION_DIRECTORY = 2,
	SWITCH_XML_SECTION_DIALPLAN = 4,
	SWITCH_XML_SECTION_LANGUAGES = 8,
	SWITCH_XML_SECTION_CHATPLAN = 16,
	SWITCH_XML_SECTION_CHANNELS = 32
} switch_xml_section_enum_t;

struct switch_xml {
	char *name;
	char **attr;
	char *txt;
	char *free_path;
	switch_size_t off;
	switch_xml_t next;
	switch_xml_t sibling;
	switch_xml_t ordered;
	switch_xml_t child;
	switch_xml_t parent;
	uint32_t flags;
	switch_bool_t is_switch_xml_root_t;
	uint32_t refs;
	const char *open;
	const char *close;
};

/* Runs under the binding lock held for reading; the tree returned is the core's to free. */
typedef switch_xml_t (*switch_xml_search_function_t)(const char *section, const char *tag_name, const char *key_name, const char *key_value,
													 switch_event_t *params, void *user_data);

#endif
