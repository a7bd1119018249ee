/* A module for benches/events.py: fires events as fast as C can, and counts them as a bound function can. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../include/api.h"

static switch_event_node_t *bound;
static unsigned counted;
static switch_event_t **made;
static unsigned made_count;

static void count(switch_event_t *event)
{
	(void)event;
	__atomic_add_fetch(&counted, 1, __ATOMIC_RELAXED);
}

/* bench_make <events> <headers>: makes what bench_fire fires, so that only the switch's own work is measured */
static switch_status_t make(const char *cmd, switch_core_session_t *session, switch_stream_handle_t *stream)
{
	unsigned events = 0, headers = 0;
	(void)session;
	if (made || !cmd || sscanf(cmd, "%u %u", &events, &headers) != 2 || !(made = calloc(events, sizeof(*made)))) {
		stream->write_function(stream, "-USAGE: <events> <headers>, once before each bench_fire\n");
		return SWITCH_STATUS_SUCCESS;
	}
	for (made_count = 0; made_count < events; made_count++) {
		switch_event_t **event = &made[made_count];
		char number[16], name[32];
		if (switch_event_create_subclass_detailed(__FILE__, __func__, __LINE__, event, SWITCH_EVENT_CUSTOM, "bench::event") !=
			SWITCH_STATUS_SUCCESS) {
			break;
		}
		snprintf(number, sizeof(number), "%u", made_count);
		switch_event_add_header_string(*event, SWITCH_STACK_BOTTOM, "Number", number);
		/* The core has put some there itself. */
		for (unsigned h = 12; h < headers; h++) {
			snprintf(name, sizeof(name), "Bench-Header-%u", h);
			switch_event_add_header_string(*event, SWITCH_STACK_BOTTOM, name, "a value of some length");
		}
	}
	stream->write_function(stream, "+OK %u\n", made_count);
	return SWITCH_STATUS_SUCCESS;
}

/* bench_fire */
static switch_status_t fire(const char *cmd, switch_core_session_t *session, switch_stream_handle_t *stream)
{
	(void)cmd;
	(void)session;
	for (unsigned n = 0; n < made_count; n++) {
		switch_event_fire_detailed(__FILE__, __func__, __LINE__, &made[n], NULL);
	}
	stream->write_function(stream, "+OK %u\n", made_count);
	made_count = 0;
	free(made);
	made = NULL;
	return SWITCH_STATUS_SUCCESS;
}

/* bench_count on|off|read */
static switch_status_t control(const char *cmd, switch_core_session_t *session, switch_stream_handle_t *stream)
{
	(void)session;
	if (cmd && !strcmp(cmd, "on") && !bound) {
		__atomic_store_n(&counted, 0, __ATOMIC_RELAXED);
		switch_event_bind_removable("bench", SWITCH_EVENT_CUSTOM, "bench::event", count, NULL, &bound);
	} else if (cmd && !strcmp(cmd, "off") && bound) {
		switch_event_unbind(&bound);
		bound = NULL;
	}
	stream->write_function(stream, "%u\n", __atomic_load_n(&counted, __ATOMIC_RELAXED));
	return SWITCH_STATUS_SUCCESS;
}

static switch_status_t load(switch_loadable_module_interface_t **module_interface, switch_memory_pool_t *pool)
{
	static const struct {
		const char *name;
		switch_api_function_t function;
	} commands[] = {{"bench_make", make}, {"bench_fire", fire}, {"bench_count", control}};
	*module_interface = switch_loadable_module_create_module_interface(pool, "mod_bench");
	for (int n = 0; n < 3; n++) {
		switch_api_interface_t *api = switch_loadable_module_create_interface(*module_interface, SWITCH_API_INTERFACE);
		api->interface_name = commands[n].name;
		api->desc = "benchmark";
		api->syntax = "";
		api->function = commands[n].function;
	}
	return SWITCH_STATUS_SUCCESS;
}

switch_loadable_module_function_table_t mod_bench_module_interface = {SWITCH_API_VERSION, load, NULL, NULL, SMODF_NONE};
