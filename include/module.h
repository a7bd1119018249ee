/* How a module presents itself, and what it registers. */
#ifndef MOD_RUST_MODULE_H
#define MOD_RUST_MODULE_H

#include "types.h"
#include "event.h"

#define SWITCH_API_VERSION 5

typedef enum { SMODF_NONE = 0, SMODF_GLOBAL_SYMBOLS = 1 } switch_module_flag_enum_t;
typedef uint32_t switch_module_flag_t;

typedef struct switch_loadable_module_interface switch_loadable_module_interface_t;
typedef switch_status_t (*switch_module_load_t)(switch_loadable_module_interface_t **module_interface, switch_memory_pool_t *pool);
typedef switch_status_t (*switch_module_runtime_t)(void);
typedef switch_status_t (*switch_module_shutdown_t)(void);

typedef struct switch_loadable_module_function_table {
	int switch_api_version;
	switch_module_load_t load;
	switch_module_shutdown_t shutdown;
	switch_module_runtime_t runtime;
	switch_module_flag_t flags;
} switch_loadable_module_function_table_t;

typedef enum {
	SWITCH_DIALPLAN_INTERFACE = 2,
	SWITCH_APPLICATION_INTERFACE = 4,
	SWITCH_API_INTERFACE = 5,
	SWITCH_CHAT_APPLICATION_INTERFACE = 14,
	SWITCH_JSON_API_INTERFACE = 15
} switch_module_interface_name_t;

typedef enum {
	SAF_NONE = 0,
	SAF_SUPPORT_NOMEDIA = 1,
	SAF_ROUTING_EXEC = 2,
	SAF_MEDIA_TAP = 4,
	SAF_ZOMBIE_EXEC = 8,
	SAF_NO_LOOPBACK = 16,
	SAF_SUPPORT_TEXT_ONLY = 32
} switch_application_flag_enum_t;

/* Where an API command writes its reply. data is the text so far when the
 * write functions are those of switch_console_stream. */
typedef struct switch_stream_handle switch_stream_handle_t;
typedef uint8_t *(*switch_stream_handle_read_function_t)(switch_stream_handle_t *handle, int *len);
typedef switch_status_t (*switch_stream_handle_write_function_t)(switch_stream_handle_t *handle, const char *fmt, ...);
typedef switch_status_t (*switch_stream_handle_raw_write_function_t)(switch_stream_handle_t *handle, uint8_t *data, switch_size_t datalen);

struct switch_stream_handle {
	switch_stream_handle_read_function_t read_function;
	switch_stream_handle_write_function_t write_function;
	switch_stream_handle_raw_write_function_t raw_write_function;
	void *data;
	void *end;
	switch_size_t data_size;
	switch_size_t data_len;
	switch_size_t alloc_len;
	switch_size_t alloc_chunk;
	switch_event_t *param_event;
};

typedef void (*switch_application_function_t)(switch_core_session_t *, const char *);
typedef switch_status_t (*switch_api_function_t)(const char *cmd, switch_core_session_t *session, switch_stream_handle_t *stream);
typedef switch_status_t (*switch_chat_application_function_t)(switch_event_t *, const char *);

typedef struct switch_application_interface switch_application_interface_t;
struct switch_application_interface {
	const char *interface_name;
	switch_application_function_t application_function;
	const char *long_desc;
	const char *short_desc;
	const char *syntax;
	uint32_t flags;
	switch_thread_rwlock_t *rwlock;
	int refs;
	switch_mutex_t *reflock;
	switch_loadable_module_interface_t *parent;
	struct switch_application_interface *next;
};

typedef struct switch_api_interface switch_api_interface_t;
struct switch_api_interface {
	const char *interface_name;
	const char *desc;
	switch_api_function_t function;
	const char *syntax;
	switch_thread_rwlock_t *rwlock;
	int refs;
	switch_mutex_t *reflock;
	switch_loadable_module_interface_t *parent;
	struct switch_api_interface *next;
};

typedef struct switch_chat_application_interface switch_chat_application_interface_t;
struct switch_chat_application_interface {
	const char *interface_name;
	switch_chat_application_function_t chat_application_function;
	const char *long_desc;
	const char *short_desc;
	const char *syntax;
	uint32_t flags;
	switch_thread_rwlock_t *rwlock;
	int refs;
	switch_mutex_t *reflock;
	switch_loadable_module_interface_t *parent;
	struct switch_chat_application_interface *next;
};

/* NULL means that this dialplan has nothing for the call. arg is what follows the
 * dialplan's name and a colon; caller_profile may be NULL. */
typedef switch_caller_extension_t *(*switch_dialplan_hunt_function_t)(switch_core_session_t *session, void *arg,
	switch_caller_profile_t *caller_profile);

typedef struct switch_dialplan_interface switch_dialplan_interface_t;
struct switch_dialplan_interface {
	const char *interface_name;
	switch_dialplan_hunt_function_t hunt_function;
	switch_thread_rwlock_t *rwlock;
	int refs;
	switch_mutex_t *reflock;
	switch_loadable_module_interface_t *parent;
	struct switch_dialplan_interface *next;
};

/* The reply is a tree that the core frees. */
typedef switch_status_t (*switch_json_api_function_t)(const cJSON *json, switch_core_session_t *session, cJSON **json_reply);

typedef struct switch_json_api_interface switch_json_api_interface_t;
struct switch_json_api_interface {
	const char *interface_name;
	const char *desc;
	switch_json_api_function_t function;
	const char *syntax;
	switch_thread_rwlock_t *rwlock;
	int refs;
	switch_mutex_t *reflock;
	switch_loadable_module_interface_t *parent;
	struct switch_json_api_interface *next;
};

/* Gives what could follow a line that is being typed. */
typedef struct switch_console_callback_match switch_console_callback_match_t;
typedef switch_status_t (*switch_console_complete_callback_t)(const char *line, const char *cursor,
	switch_console_callback_match_t **matches);

#endif
