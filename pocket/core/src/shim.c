/* The C-variadic functions of the API: each writes its text out and hands it on
 * to Rust, where the rest of them is. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "api.h"

void pocket_log_text(switch_text_channel_t channel, const char *file, const char *func, int line, const char *userdata,
					 switch_log_level_t level, const char *text);
switch_xml_t pocket_event_xmlize(switch_event_t *event, const char *body);
int pocket_log_takes(switch_text_channel_t channel, const char *userdata, switch_log_level_t level);

/* The text in a new block, NULL when there is no memory for it. */
static char *text_of(const char *fmt, va_list ap, int *length)
{
	char *text = NULL;
	va_list again;

	va_copy(again, ap);
	*length = vsnprintf(NULL, 0, fmt, again);
	va_end(again);

	if (*length >= 0 && (text = malloc((size_t) *length + 1))) {
		vsnprintf(text, (size_t) *length + 1, fmt, ap);
	}

	return text;
}

void switch_log_printf(switch_text_channel_t channel, const char *file, const char *func, int line, const char *userdata,
					   switch_log_level_t level, const char *fmt, ...)
{
	char *text;
	int length;
	va_list ap;

	if (!pocket_log_takes(channel, userdata, level)) {
		return;
	}

	va_start(ap, fmt);
	text = text_of(fmt, ap, &length);
	va_end(ap);

	if (text) {
		pocket_log_text(channel, file, func, line, userdata, level, text);
		free(text);
	}
}

switch_xml_t switch_event_xmlize(switch_event_t *event, const char *fmt, ...)
{
	char *body = NULL;
	int length;
	switch_xml_t xml;
	va_list ap;

	if (fmt && *fmt) {
		va_start(ap, fmt);
		body = text_of(fmt, ap, &length);
		va_end(ap);
	}

	xml = pocket_event_xmlize(event, body);
	free(body);

	return xml;
}

switch_status_t switch_console_stream_write(switch_stream_handle_t *handle, const char *fmt, ...)
{
	switch_status_t status = SWITCH_STATUS_MEMERR;
	char *text;
	int length;
	va_list ap;

	va_start(ap, fmt);
	text = text_of(fmt, ap, &length);
	va_end(ap);

	if (text) {
		status = switch_console_stream_raw_write(handle, (uint8_t *) text, (switch_size_t) length);
		free(text);
	}

	return status;
}
