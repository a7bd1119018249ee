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
switch_caller_profile_t *switch_channel_get_originatee_caller_profile(switch_channel_t *channel);
void switch_channel_set_scope_variables(switch_channel_t *channel, switch_event_t **event);
switch_status_t switch_channel_get_scope_variables(switch_channel_t *channel, switch_event_t **event);
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

/* more of sessions and channels */
switch_status_t switch_core_session_receive_event(switch_core_session_t *session, switch_event_t **event);
switch_status_t switch_core_session_dequeue_event(switch_core_session_t *session, switch_event_t **event, switch_bool_t force);
void switch_core_session_hangup_state(switch_core_session_t *session, switch_bool_t force);
switch_status_t switch_core_session_print(switch_core_session_t *session, const char *data);
switch_channel_state_t switch_channel_perform_set_state(switch_channel_t *channel, const char *file, const char *func, int line,
	switch_channel_state_t state);
void switch_channel_wait_for_state(switch_channel_t *channel, switch_channel_t *other_channel, switch_channel_state_t want_state);
void switch_channel_flush_dtmf(switch_channel_t *channel);
switch_status_t switch_channel_queue_dtmf(switch_channel_t *channel, const switch_dtmf_t *dtmf);
switch_status_t switch_channel_dequeue_dtmf(switch_channel_t *channel, switch_dtmf_t *dtmf);
switch_status_t switch_ivr_generate_xml_cdr(switch_core_session_t *session, switch_xml_t *xml_cdr);

/* originating and bridging */
switch_status_t switch_ivr_originate(switch_core_session_t *session, switch_core_session_t **bleg, switch_call_cause_t *cause,
	const char *bridgeto, uint32_t timelimit_sec, const switch_state_handler_table_t *table, const char *cid_name_override,
	const char *cid_num_override, switch_caller_profile_t *caller_profile_override, switch_event_t *ovars,
	switch_originate_flag_t flags, switch_call_cause_t *cancel_cause, switch_dial_handle_t *dh);
switch_status_t switch_ivr_wait_for_answer(switch_core_session_t *session, switch_core_session_t *peer_session);
switch_status_t switch_ivr_multi_threaded_bridge(switch_core_session_t *session, switch_core_session_t *peer_session,
	switch_input_callback_function_t dtmf_callback, void *session_data, void *peer_session_data);

/* recording, speaking, recognising, menus */
switch_status_t switch_ivr_record_file(switch_core_session_t *session, switch_file_handle_t *fh, const char *file,
	switch_input_args_t *args, uint32_t limit);
switch_status_t switch_ivr_insert_file(switch_core_session_t *session, const char *file, const char *insert_file,
	switch_size_t sample_point);
switch_status_t switch_ivr_speak_text(switch_core_session_t *session, const char *tts_name, const char *voice_name, const char *text,
	switch_input_args_t *args);
switch_status_t switch_ivr_say(switch_core_session_t *session, const char *tosay, const char *module_name, const char *say_type,
	const char *say_method, const char *say_gender, switch_input_args_t *args);
switch_status_t switch_ivr_phrase_macro_event(switch_core_session_t *session, const char *macro_name, const char *data,
	switch_event_t *event, const char *lang, switch_input_args_t *args);
switch_status_t switch_ivr_detect_speech(switch_core_session_t *session, const char *mod_name, const char *grammar, const char *name,
	const char *dest, switch_asr_handle_t *ah);
switch_status_t switch_ivr_detect_speech_init(switch_core_session_t *session, const char *mod_name, const char *dest,
	switch_asr_handle_t *ah);
switch_status_t switch_ivr_detect_speech_load_grammar(switch_core_session_t *session, const char *grammar, const char *name);
switch_status_t switch_ivr_detect_speech_unload_grammar(switch_core_session_t *session, const char *name);
switch_status_t switch_ivr_detect_speech_enable_grammar(switch_core_session_t *session, const char *name);
switch_status_t switch_ivr_detect_speech_disable_grammar(switch_core_session_t *session, const char *name);
switch_status_t switch_ivr_detect_speech_disable_all_grammars(switch_core_session_t *session);
switch_status_t switch_ivr_pause_detect_speech(switch_core_session_t *session);
switch_status_t switch_ivr_resume_detect_speech(switch_core_session_t *session);
switch_status_t switch_ivr_stop_detect_speech(switch_core_session_t *session);
switch_status_t switch_ivr_set_param_detect_speech(switch_core_session_t *session, const char *name, const char *val);
switch_status_t switch_ivr_detect_speech_start_input_timers(switch_core_session_t *session);
switch_status_t switch_ivr_play_and_detect_speech(switch_core_session_t *session, const char *file, const char *mod_name,
	const char *grammar, char **result, uint32_t input_timeout, switch_input_args_t *args);
switch_status_t switch_ivr_menu_init(switch_ivr_menu_t **new_menu, switch_ivr_menu_t *main, const char *name,
	const char *greeting_sound, const char *short_greeting_sound, const char *invalid_sound, const char *exit_sound,
	const char *transfer_sound, const char *confirm_macro, const char *confirm_key, const char *tts_engine, const char *tts_voice,
	int confirm_attempts, int inter_timeout, int digit_len, int timeout, int max_failures, int max_timeouts,
	switch_memory_pool_t *pool);
switch_status_t switch_ivr_menu_bind_action(switch_ivr_menu_t *menu, switch_ivr_action_t ivr_action, const char *arg, const char *bind);
switch_status_t switch_ivr_menu_execute(switch_core_session_t *session, switch_ivr_menu_t *stack, char *name, void *obj);

/* more of events, chat, JSON, XML */
switch_status_t switch_event_create_json(switch_event_t **event, const char *json);
switch_xml_t switch_event_xmlize(switch_event_t *event, const char *fmt, ...);
char *switch_xml_toxml_ex(switch_xml_t xml, switch_bool_t prn_header, switch_bool_t use_utf8_encoding);
switch_status_t switch_core_execute_chat_app(switch_event_t *message, const char *app, const char *data);
switch_status_t switch_core_chat_send(const char *dest_proto, switch_event_t *message_event);
switch_status_t switch_json_api_execute(cJSON *json, switch_core_session_t *session, cJSON **retval);
cJSON *cJSON_Parse(const char *value);
char *cJSON_PrintUnformatted(const cJSON *item);
void cJSON_Delete(cJSON *c);
switch_bool_t switch_simple_email(const char *to, const char *from, const char *headers, const char *body, const char *file,
	const char *convert_cmd, const char *convert_ext);

/* databases */
switch_status_t _switch_cache_db_get_db_handle_dsn(switch_cache_db_handle_t **dbh, const char *dsn, const char *file, const char *func,
	int line);
void switch_cache_db_release_db_handle(switch_cache_db_handle_t **dbh);
switch_status_t switch_cache_db_execute_sql_callback(switch_cache_db_handle_t *dbh, const char *sql,
	switch_core_db_callback_func_t callback, void *pdata, char **err);
int switch_cache_db_affected_rows(switch_cache_db_handle_t *dbh);
switch_cache_db_handle_type_t switch_cache_db_get_type(switch_cache_db_handle_t *dbh);

/* queues and pools */
switch_status_t switch_core_perform_new_memory_pool(switch_memory_pool_t **pool, const char *file, const char *func, int line);
switch_status_t switch_core_perform_destroy_memory_pool(switch_memory_pool_t **pool, const char *file, const char *func, int line);
switch_status_t switch_queue_create(switch_queue_t **queue, unsigned int queue_capacity, switch_memory_pool_t *pool);
switch_status_t switch_queue_pop(switch_queue_t *queue, void **data);
switch_status_t switch_queue_pop_timeout(switch_queue_t *queue, void **data, switch_interval_time_t timeout);
switch_status_t switch_queue_trypush(switch_queue_t *queue, void *data);
switch_status_t switch_queue_trypop(switch_queue_t *queue, void **data);
unsigned int switch_queue_size(switch_queue_t *queue);
switch_status_t switch_queue_interrupt_all(switch_queue_t *queue);
switch_status_t switch_queue_term(switch_queue_t *queue);

/* threads */
switch_status_t switch_threadattr_create(switch_threadattr_t **new_attr, switch_memory_pool_t *pool);
switch_status_t switch_threadattr_detach_set(switch_threadattr_t *attr, int32_t on);
switch_status_t switch_threadattr_stacksize_set(switch_threadattr_t *attr, switch_size_t stacksize);
switch_status_t switch_thread_create(switch_thread_t **new_thread, switch_threadattr_t *attr, switch_thread_start_t func,
	void *data, switch_memory_pool_t *cont);
uint32_t switch_core_sessions_per_second(uint32_t new_limit);
switch_status_t switch_core_session_queue_private_event(switch_core_session_t *session, switch_event_t **event,
	switch_bool_t priority);
switch_status_t switch_ivr_parse_all_events(switch_core_session_t *session);
switch_status_t switch_ivr_menu_str2action(const char *action_name, switch_ivr_action_t *action);

/* dialplan extensions, completion at the console */
void switch_channel_set_caller_extension(switch_channel_t *channel, switch_caller_extension_t *caller_extension);
switch_caller_extension_t *switch_caller_extension_new(switch_core_session_t *session, const char *extension_name,
	const char *extension_number);
void switch_caller_extension_add_application(switch_core_session_t *session, switch_caller_extension_t *caller_extension,
	const char *application_name, const char *extra_data);
switch_status_t switch_console_set_complete(const char *string);
switch_status_t switch_console_add_complete_func(const char *name, switch_console_complete_callback_t cb);
switch_status_t switch_console_del_complete_func(const char *name);
void switch_console_push_match(switch_console_callback_match_t **matches, const char *new_val);

#endif
