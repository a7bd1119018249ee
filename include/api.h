/*
 * The slice of FreeSWITCH's C API that mod_rust uses, declared by hand.
 *
 * It holds facts only: names, field order, values and signatures, as they are
 * in FreeSWITCH 1.10.12 and 1.11.x alike. `make bindings` turns it into Rust,
 * `make abi` holds it against the real headers. A value that differs between
 * the two versions (SWITCH_EVENT_ALL, say) has no place here: it is looked up
 * by name when the module runs.
 *
 * A member named slice_rest stands for the members that nobody here reads.
 */
#ifndef MOD_RUST_SLICE_H
#define MOD_RUST_SLICE_H

#include "types.h"
#include "call.h"
#include "event.h"
#include "media.h"
#include "xml.h"
#include "module.h"
#include "database.h"
#include "functions.h"

#endif
