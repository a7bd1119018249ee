/* The core's cached database handles. */
#ifndef MOD_RUST_DATABASE_H
#define MOD_RUST_DATABASE_H

#include "types.h"

typedef struct switch_cache_db_handle switch_cache_db_handle_t;

typedef enum { SCDB_TYPE_CORE_DB = 0, SCDB_TYPE_ODBC = 1, SCDB_TYPE_DATABASE_INTERFACE = 2 } switch_cache_db_handle_type_t;

/* One row: values and column names; anything but 0 ends the query. */
typedef int (*switch_core_db_callback_func_t)(void *arg, int argc, char **argv, char **names);

#endif
