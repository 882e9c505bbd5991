/* packet_internal.h - what the files that read packets share: packet.c (judging), packet_read.c
 * (values), packet_registration.c (announcements). */
#ifndef POLICYPOOL_PACKET_INTERNAL_H
#define POLICYPOOL_PACKET_INTERNAL_H

#include "packet.h"

static inline bool
packet_is_scalar(const struct json_text_member *m)
{
	return m->kind == JSON_TEXT_STRING || m->kind == JSON_TEXT_NUMBER;
}

/* ---- packet_read.c ---- */

/* Fills the fault; always -1. */
int packet_refuse(struct packet_fault *, enum packet_code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As much of a value as a sentence has room for, cut between two characters. */
struct span packet_excerpt(struct span);

/* Decimal digits with a minus in front at most. */
bool packet_read_integer(struct span, int64_t *out);

/* The content of a judged string without its escapes.  At most size bytes are written; returns how
 * many it has. */
size_t packet_decode(struct span inner, char *out, size_t size);

/* Does an announcement say that its server is at a Unix socket? */
bool packet_is_at_path(const struct packet *);

/* What is wrong with an id; *text is what it says, in space where it has escapes. */
enum packet_id_fault {
	PACKET_ID_FINE,
	PACKET_ID_NO_SCALAR,
	PACKET_ID_EMPTY,
	PACKET_ID_LONG, /* text->n tells how long it is; its bytes are not all there */
	PACKET_ID_CONTROL,
	PACKET_ID_NO_INTEGER
};

enum packet_id_fault packet_read_id(const struct json_text_member *, char space[PACKET_ID_MAX],
				    struct span *text);

/* ---- packet.c ----
 * 0, or -1 with the fault filled. */

/* An id that names a server, a policy or a key in settings, logs and files. */
MUST_CHECK int packet_check_name(const struct json_text_member *, const char *key,
				 struct packet_fault *);
MUST_CHECK int packet_check_string(const struct json_text_member *, const char *key,
				   struct packet_fault *);
/* Always -1: it is no number of these bounds. */
int packet_refuse_number(const struct json_text_member *, const char *key, int64_t min, int64_t max,
			 struct packet_fault *);

#endif
