/* The functions and data that mod_rust imports from the core. This file names
 * types only, so that `make abi` can compile it after the real headers, where a
 * signature that differs is an error. */
#ifndef MOD_RUST_FUNCTIONS_H
#define MOD_RUST_FUNCTIONS_H

/* core, modules, memory */
extern switch_directories SWITCH_GLOBAL_dirs;
const char *switch_version_full(void);
switch_bool_t switch_core_running(void);
int32_t switch_core_session_ctl(switch_session_ctl_t cmd, void *val);
char *switch_core_get_variable_dup(const char *varname);
void switch_core_set_variable(const char *varname, const char *value);
void *switch_core_perform_alloc(switch_memory_pool_t *pool, switch_size_t memory, const char *file, const char *func, int line);
void switch_sleep(switch_interval_time_t t);
switch_time_t switch_micro_time_now(void);
switch_loadable_module_interface_t *switch_loadable_module_create_module_interface(switch_memory_pool_t *pool, const char *name);
void *switch_loadable_module_create_interface(switch_loadable_module_interface_t *mod, switch_module_interface_name_t iname);
switch_status_t switch_loadable_module_exists(const char *mod);
switch_status_t switch_api_execute(const char *cmd, const char *arg, switch_core_session_t *session, switch_stream_handle_t *stream);
switch_status_t switch_console_stream_write(switch_stream_handle_t *handle, const char *fmt, ...);
switch_status_t switch_console_stream_raw_write(switch_stream_handle_t *handle, uint8_t *data, switch_size_t datalen);
switch_status_t switch_regex_match(const char *target, const char *expression);

/* log */
void switch_log_printf(switch_text_channel_t channel, const char *file, const char *func, int line, const char *userdata,
					   switch_log_level_t level, const char *fmt, ...);
switch_log_level_t switch_log_str2level(const char *str);

/* sessions */
switch_core_session_t *switch_core_session_perform_force_locate(const char *uuid_str, const char *file, const char *func, int line);
switch_status_t switch_core_session_perform_read_lock_hangup(switch_core_session_t *session, const char *file, const char *func, int line);
void switch_core_session_rwunlock(switch_core_session_t *session);
char *switch_core_session_get_uuid(switch_core_session_t *session);
switch_size_t switch_core_session_get_id(switch_core_session_t *session);
switch_channel_t *switch_core_session_get_channel(switch_core_session_t *session);
switch_bool_t switch_core_session_in_thread(switch_core_session_t *session);
switch_log_level_t switch_core_session_get_loglevel(switch_core_session_t *session);
switch_status_t switch_core_session_execute_application_get_flags(switch_core_session_t *session, const char *app, const char *arg,
																 int32_t *flags);
switch_status_t switch_core_session_perform_kill_channel(switch_core_session_t *session, const char *file, const char *func, int line,
	switch_signal_t sig);
switch_status_t switch_core_event_hook_add_state_change(switch_core_session_t *session, switch_state_change_hook_t state_change);
switch_status_t switch_core_event_hook_remove_state_change(switch_core_session_t *session, switch_state_change_hook_t state_change);

/* channels */
switch_channel_state_t switch_channel_get_state(switch_channel_t *channel);
const char *switch_channel_state_name(switch_channel_state_t state);
switch_call_cause_t switch_channel_get_cause(switch_channel_t *channel);
const char *switch_channel_cause2str(switch_call_cause_t cause);
switch_call_cause_t switch_channel_str2cause(const char *str);
switch_call_direction_t switch_channel_direction(switch_channel_t *channel);
int switch_channel_test_ready(switch_channel_t *channel, switch_bool_t check_ready, switch_bool_t check_media);
switch_status_t switch_channel_perform_answer(switch_channel_t *channel, const char *file, const char *func, int line);
switch_status_t switch_channel_perform_pre_answer(switch_channel_t *channel, const char *file, const char *func, int line);
switch_channel_state_t switch_channel_perform_hangup(switch_channel_t *channel, const char *file, const char *func, int line,
													 switch_call_cause_t hangup_cause);
uint32_t switch_channel_test_flag(switch_channel_t *channel, switch_channel_flag_t flag);
void switch_channel_set_flag_value(switch_channel_t *channel, switch_channel_flag_t flag, uint32_t value);
void switch_channel_clear_flag(switch_channel_t *channel, switch_channel_flag_t flag);
switch_status_t switch_channel_set_private(switch_channel_t *channel, const char *key, const void *private_info);
void *switch_channel_get_private(switch_channel_t *channel, const char *key);
switch_event_header_t *switch_channel_variable_first(switch_channel_t *channel);
void switch_channel_variable_last(switch_channel_t *channel);
const char *switch_channel_get_variable_dup(switch_channel_t *channel, const char *varname, switch_bool_t dup, int idx);
switch_status_t switch_channel_set_variable_var_check(switch_channel_t *channel, const char *varname, const char *value,
													  switch_bool_t var_check);
char *switch_channel_expand_variables_check(switch_channel_t *channel, const char *in, switch_event_t *var_list, switch_event_t *api_list,
	uint32_t recur);
void switch_channel_event_set_data(switch_channel_t *channel, switch_event_t *event);

/* playing, waiting, digits, transfer */
switch_status_t switch_ivr_play_file(switch_core_session_t *session, switch_file_handle_t *fh, const char *file, switch_input_args_t *args);
switch_status_t switch_ivr_sleep(switch_core_session_t *session, uint32_t ms, switch_bool_t sync, switch_input_args_t *args);
switch_status_t switch_ivr_collect_digits_callback(switch_core_session_t *session, switch_input_args_t *args, uint32_t digit_timeout,
												   uint32_t abs_timeout);
switch_status_t switch_ivr_process_fh(switch_core_session_t *session, const char *cmd, switch_file_handle_t *fhp);
switch_status_t switch_ivr_session_transfer(switch_core_session_t *session, const char *extension, const char *dialplan,
	const char *context);

/* events */
switch_status_t switch_event_create_subclass_detailed(const char *file, const char *func, int line, switch_event_t **event,
													  switch_event_types_t event_id, const char *subclass_name);
switch_status_t switch_event_dup(switch_event_t **event, switch_event_t *todup);
void switch_event_destroy(switch_event_t **event);
switch_status_t switch_event_fire_detailed(const char *file, const char *func, int line, switch_event_t **event, void *user_data);
switch_status_t switch_event_add_header_string(switch_event_t *event, switch_stack_t stack, const char *header_name, const char *data);
switch_status_t switch_event_del_header_val(switch_event_t *event, const char *header_name, const char *val);
switch_event_header_t *switch_event_get_header_ptr(switch_event_t *event, const char *header_name);
char *switch_event_get_header_idx(switch_event_t *event, const char *header_name, int idx);
switch_status_t switch_event_set_body(switch_event_t *event, const char *body);
switch_status_t switch_event_set_priority(switch_event_t *event, switch_priority_t priority);
void switch_event_merge(switch_event_t *event, switch_event_t *tomerge);
switch_status_t switch_event_serialize(switch_event_t *event, char **str, switch_bool_t encode);
switch_status_t switch_event_serialize_json(switch_event_t *event, char **str);
const char *switch_event_name(switch_event_types_t event);
switch_status_t switch_name_event(const char *name, switch_event_types_t *type);
switch_status_t switch_event_bind_removable(const char *id, switch_event_types_t event, const char *subclass_name,
	switch_event_callback_t callback, void *user_data, switch_event_node_t **node);
switch_status_t switch_event_unbind(switch_event_node_t **node);

/* XML */
switch_xml_t switch_xml_open_cfg(const char *file_path, switch_xml_t *node, switch_event_t *params);
switch_xml_t switch_xml_parse_str_dynamic(char *s, switch_bool_t dup);
const char *switch_xml_error(switch_xml_t xml);
switch_xml_t switch_xml_child(switch_xml_t xml, const char *name);
const char *switch_xml_attr(switch_xml_t xml, const char *attr);
void switch_xml_free(switch_xml_t xml);
switch_xml_section_t switch_xml_parse_section_string(const char *str);
switch_status_t switch_xml_bind_search_function_ret(switch_xml_search_function_t function, switch_xml_section_t sections, void *user_data,
	switch_xml_binding_t **ret_binding);
switch_status_t switch_xml_unbind_search_function(switch_xml_binding_t **binding);

#endif
