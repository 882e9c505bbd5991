/* template.h - the request to send, made once from a packet and its changes.
 *
 * All but what is replaced stays as it stands in the packet, byte for byte and in its place.  A
 * value that replaces a number is a number where it can be one, a string otherwise.  Where the
 * payload is replaced, a payloadsize that is there follows it. */
#ifndef POLICYPOOL_TEMPLATE_H
#define POLICYPOOL_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "compiler.h"
#include "job.h"
#include "packet.h"
#include "span.h"

enum { TEMPLATE_WHY = 256 }; /* bytes of what is said about a failure */

enum template_payload {
	TEMPLATE_KEEP,	/* the packet's own */
	TEMPLATE_TEXT,	/* conf.payload */
	TEMPLATE_RANDOM /* random letters and digits, conf.size of them */
};

struct template_conf {
	struct span packet; /* n is 0: there is none, it is made of what follows */
	const char *id;	    /* replaces srcid; NULL: does not */
	const char *policy; /* replaces privPoliId; NULL: does not */
	enum template_payload kind;
	struct span payload;
	size_t size;
	/* The payload is bytes, sent as base64 with "encoding":"base64".  So it is where the packet
	 * says that of its own. */
	bool base64;
	uint64_t seed; /* of what is random */
	/* Every request has its own payload: new random text, otherwise the payload, a space and
	 * the number of the request, from 1. */
	bool vary;
	size_t max;	       /* bytes of one request */
	const struct job *job; /* the digest that replies must have; NULL: none */
};

/* Points into itself: not to be copied. */
struct template
{
	char srcid[6 * PACKET_ID_MAX + 1]; /* as it is sent */
	char policy[PACKET_ID_MAX + 1];	   /* likewise */
	size_t size;			   /* bytes of the payload of the last request */

	/* ---- its own ---- */
	struct template_conf conf; /* strings are borrowed */
	struct buf source;	   /* the packet, which `packet` borrows from */
	struct packet packet;
	const struct json_text_member *member[5]; /* what may be replaced, or NULL */
	struct buf base;			  /* the payload, decoded, without a number */
	struct buf payload;			  /* of the request that is being made */
	struct buf encoded;			  /* likewise, in base64 */
	struct buf text;			  /* the request with its newline */
	char digest[DIGEST_HEX_MAX + 1];	  /* of payload */
	uint64_t made;				  /* requests */
	uint64_t random;
};

/* What conf points to, the packet and the payload excepted, must outlive t.  0, or -1 with why
 * filled: no request packet, a payload that is not UTF-8, too large, out of memory.  Release:
 * template_free(), in either case. */
MUST_CHECK int template_init(struct template *t, const struct template_conf *conf,
			     char why[TEMPLATE_WHY]);
void template_free(struct template *);

/* Appends the next request, newline included, and gives the digest that its reply must have (the
 * job's digits, no terminator).  0, or -1 with ENOMEM, out as it was. */
MUST_CHECK int template_next(struct template *, struct buf *out, char digest[DIGEST_HEX_MAX]);

#endif
