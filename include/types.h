/* Scalars, opaque handles and the values that every part of the API shares. */
#ifndef MOD_RUST_TYPES_H
#define MOD_RUST_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef uintptr_t switch_size_t;
typedef int64_t switch_time_t;
typedef int64_t switch_interval_time_t;

typedef struct switch_core_session switch_core_session_t;
typedef struct switch_channel switch_channel_t;
typedef struct apr_pool_t switch_memory_pool_t;
typedef struct apr_thread_rwlock_t switch_thread_rwlock_t;
typedef struct apr_thread_mutex_t switch_mutex_t;
typedef struct switch_caller_profile switch_caller_profile_t;
typedef struct switch_caller_extension switch_caller_extension_t;
typedef struct switch_state_handler_table switch_state_handler_table_t;
typedef struct switch_dial_handle_s switch_dial_handle_t;
typedef struct cJSON cJSON;
typedef struct switch_apr_queue_t switch_queue_t;
typedef struct apr_thread_t switch_thread_t;
typedef struct apr_threadattr_t switch_threadattr_t;
typedef void *(*switch_thread_start_t)(switch_thread_t *thread, void *data);

typedef enum { SWITCH_FALSE = 0, SWITCH_TRUE = 1 } switch_bool_t;

typedef enum {
	SWITCH_STATUS_SUCCESS = 0,
	SWITCH_STATUS_FALSE = 1,
	SWITCH_STATUS_TIMEOUT = 2,
	SWITCH_STATUS_RESTART = 3,
	SWITCH_STATUS_INTR = 4,
	SWITCH_STATUS_NOTIMPL = 5,
	SWITCH_STATUS_MEMERR = 6,
	SWITCH_STATUS_NOOP = 7,
	SWITCH_STATUS_RESAMPLE = 8,
	SWITCH_STATUS_GENERR = 9,
	SWITCH_STATUS_INUSE = 10,
	SWITCH_STATUS_BREAK = 11,
	SWITCH_STATUS_SOCKERR = 12,
	SWITCH_STATUS_MORE_DATA = 13,
	SWITCH_STATUS_NOTFOUND = 14,
	SWITCH_STATUS_UNLOAD = 15,
	SWITCH_STATUS_NOUNLOAD = 16,
	SWITCH_STATUS_IGNORE = 17,
	SWITCH_STATUS_TOO_SMALL = 18,
	SWITCH_STATUS_FOUND = 19,
	SWITCH_STATUS_CONTINUE = 20,
	SWITCH_STATUS_TERM = 21,
	SWITCH_STATUS_NOT_INITALIZED = 22,
	SWITCH_STATUS_TOO_LATE = 23
} switch_status_t;

/* What switch_core_session_ctl is asked. */
typedef enum { SCSC_SHUTDOWN = 4, SCSC_LOGLEVEL = 6, SCSC_SHUTDOWN_CHECK = 28 } switch_session_ctl_t;

typedef enum {
	SWITCH_LOG_DEBUG10 = 110,
	SWITCH_LOG_DEBUG1 = 101,
	SWITCH_LOG_DEBUG = 7,
	SWITCH_LOG_INFO = 6,
	SWITCH_LOG_NOTICE = 5,
	SWITCH_LOG_WARNING = 4,
	SWITCH_LOG_ERROR = 3,
	SWITCH_LOG_CRIT = 2,
	SWITCH_LOG_ALERT = 1,
	SWITCH_LOG_CONSOLE = 0,
	SWITCH_LOG_DISABLE = -1,
	SWITCH_LOG_INVALID = 64,
	SWITCH_LOG_UNINIT = 1000
} switch_log_level_t;

/* What the userdata of switch_log_printf is: a UUID, or a session. */
typedef enum {
	SWITCH_CHANNEL_ID_LOG = 0,
	SWITCH_CHANNEL_ID_LOG_CLEAN = 1,
	SWITCH_CHANNEL_ID_EVENT = 2,
	SWITCH_CHANNEL_ID_SESSION = 3
} switch_text_channel_t;

/* The folders that the core was started with. */
struct switch_directories {
	char *base_dir;
	char *mod_dir;
	char *conf_dir;
	char *log_dir;
	char *run_dir;
	char *db_dir;
	char *script_dir;
	char *temp_dir;
	char *htdocs_dir;
	char *grammar_dir;
	char *storage_dir;
	char *cache_dir;
	char *recordings_dir;
	char *sounds_dir;
	char *lib_dir;
	char *certs_dir;
	char *fonts_dir;
	char *images_dir;
	char *data_dir;
	char *localstate_dir;
};
typedef struct switch_directories switch_directories;

#endif
