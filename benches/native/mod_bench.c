/* A module for benches/events.py: fires events as fast as C can, and counts them as a bound function can. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../include/slice.h"

static switch_event_node_t *bound;
static unsigned counted;

static void count(switch_event_t *event)
{
	(void)event;
	__atomic_add_fetch(&counted, 1, __ATOMIC_RELAXED);
}

/* bench_fire <events> <headers> */
static switch_status_t fire(const char *cmd, switch_core_session_t *session, switch_stream_handle_t *stream)
{
	int events = 0, headers = 0;
	(void)session;
	if (!cmd || sscanf(cmd, "%d %d", &events, &headers) != 2) {
		stream->write_function(stream, "-USAGE: <events> <headers>\n");
		return SWITCH_STATUS_SUCCESS;
	}
	for (int n = 0; n < events; n++) {
		switch_event_t *event = NULL;
		char number[16], name[32];
		if (switch_event_create_subclass_detailed(__FILE__, __func__, __LINE__, &event, SWITCH_EVENT_CUSTOM, "bench::event") !=
			SWITCH_STATUS_SUCCESS) {
			break;
		}
		snprintf(number, sizeof(number), "%d", n);
		switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, "Number", number);
		/* The core has put some there itself. */
		for (int h = 12; h < headers; h++) {
			snprintf(name, sizeof(name), "Bench-Header-%d", h);
			switch_event_add_header_string(event, SWITCH_STACK_BOTTOM, name, "a value of some length");
		}
		switch_event_fire_detailed(__FILE__, __func__, __LINE__, &event, NULL);
	}
	stream->write_function(stream, "+OK\n");
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
	} commands[] = {{"bench_fire", fire}, {"bench_count", control}};
	*module_interface = switch_loadable_module_create_module_interface(pool, "mod_bench");
	for (int n = 0; n < 2; n++) {
		switch_api_interface_t *api = switch_loadable_module_create_interface(*module_interface, SWITCH_API_INTERFACE);
		api->interface_name = commands[n].name;
		api->desc = "benchmark";
		api->syntax = "";
		api->function = commands[n].function;
	}
	return SWITCH_STATUS_SUCCESS;
}

switch_loadable_module_function_table_t mod_bench_module_interface = {SWITCH_API_VERSION, load, NULL, NULL, SMODF_NONE};
