/* What the functions that play, record and wait are given. */
#ifndef MOD_RUST_MEDIA_H
#define MOD_RUST_MEDIA_H

#include "types.h"
#include "event.h"

typedef struct switch_frame switch_frame_t;
typedef struct switch_ivr_dmachine switch_ivr_dmachine_t;
typedef struct switch_file_interface switch_file_interface_t;
typedef struct apr_file_t switch_file_t;

typedef enum {
	SWITCH_DTMF_UNKNOWN = 0,
	SWITCH_DTMF_INBAND_AUDIO = 1,
	SWITCH_DTMF_RTP = 2,
	SWITCH_DTMF_ENDPOINT = 3,
	SWITCH_DTMF_APP = 4
} switch_dtmf_source_t;

/* A sensitive digit runs no hook and fires no event. */
typedef enum {
	DTMF_FLAG_SENSITIVE = 2
} dtmf_flag_t;

/* One digit; the duration is counted in samples at 8 kHz. */
typedef struct {
	char digit;
	uint32_t duration;
	int32_t flags;
	switch_dtmf_source_t source;
} switch_dtmf_t;

typedef enum { SWITCH_INPUT_TYPE_DTMF = 0, SWITCH_INPUT_TYPE_EVENT = 1 } switch_input_type_t;

typedef switch_status_t (*switch_input_callback_function_t)(switch_core_session_t *session, void *input, switch_input_type_t input_type,
															void *buf, unsigned int buflen);
typedef switch_status_t (*switch_read_frame_callback_function_t)(switch_core_session_t *session, switch_frame_t *frame, void *user_data);

typedef struct {
	switch_input_callback_function_t input_callback;
	void *buf;
	uint32_t buflen;
	switch_read_frame_callback_function_t read_frame_callback;
	void *user_data;
	switch_ivr_dmachine_t *dmachine;
	int loops;
} switch_input_args_t;

typedef enum {
	SWITCH_FILE_PAUSE = 256,
	SWITCH_FILE_SEEK = 1024,
	SWITCH_FILE_OPEN = 2048
} switch_file_flag_enum_t;

struct switch_file_handle {
	switch_file_interface_t *file_interface;
	uint32_t flags;
	switch_file_t *fd;
	unsigned int samples;
	uint32_t samplerate;
	uint32_t native_rate;
	uint32_t channels;
	uint32_t real_channels;
	unsigned int format;
	unsigned int sections;
	int seekable;
	switch_size_t sample_count;
	int speed;
	switch_memory_pool_t *memory_pool;
	uint32_t prebuf;
	uint32_t interval;
	void *private_info;
	char *handler;
	int64_t pos;
	void *slice_buffers[2];
	uint32_t thresh;
	uint32_t silence_hits;
	uint32_t offset_pos;
	switch_size_t samples_in;
	switch_size_t samples_out;
	int32_t vol;
	int32_t volgranular;
	uint64_t slice_rest[34];
};
typedef struct switch_file_handle switch_file_handle_t;

typedef struct switch_asr_handle switch_asr_handle_t;
typedef struct switch_ivr_menu switch_ivr_menu_t;

/* What a key of an IVR menu does. */
typedef enum {
	SWITCH_IVR_ACTION_DIE = 0,
	SWITCH_IVR_ACTION_EXECMENU = 1,
	SWITCH_IVR_ACTION_EXECAPP = 2,
	SWITCH_IVR_ACTION_PLAYSOUND = 3,
	SWITCH_IVR_ACTION_BACK = 4,
	SWITCH_IVR_ACTION_TOMAIN = 5,
	SWITCH_IVR_ACTION_NOOP = 6
} switch_ivr_action_t;

#endif
