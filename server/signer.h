/* signer.h - signs a server's announcements, and checks that the proxy has the key too.
 *
 * A key file holds lines `secret S`, the secret of the named key, or `server-key S`, the key of
 * this one server as ppool-ctl derives it.  Where there are several, the next is tried when the
 * proxy refuses, so that both sides can change secrets in any order. */
#ifndef POLICYPOOL_SIGNER_H
#define POLICYPOOL_SIGNER_H

#include <stdbool.h>
#include <stdio.h>

#include "compiler.h"
#include "packet.h"
#include "span.h"

enum { SIGNER_KEYS = 4 };

struct signer_conf {
	const char *keyid, *cluster, *id; /* borrowed for the call */
};

struct signer;

/* NULL when anything was wrong, told on err with file and line. */
struct signer *signer_load(const char *path, const struct signer_conf *, FILE *err);
struct signer *signer_parse(const char *name, struct span text, const struct signer_conf *,
			    FILE *err);
/* Another holder; each calls signer_free().  Returns it; NULL is fine. */
struct signer *signer_ref(struct signer *);
/* Wipes the keys when it was the last holder.  NULL is fine. */
void signer_free(struct signer *);

/* What is said with one proxy; zeroed at first.  Nothing of it is secret. */
struct signer_talk {
	unsigned at;		      /* the key in use */
	char nonce[PACKET_NONCE + 1]; /* the challenge that stands */
	char mac[PACKET_MAC + 1];     /* of what was said last; empty: a challenge was asked for */
	bool vouched; /* what the last answer tells of further proxies is signed too */
};

/* A new connection: no challenge stands. */
void signer_begin(struct signer_talk *);

/* Does a challenge stand, so that the next announcement can be signed? */
bool signer_is_challenged(const struct signer_talk *);

/* Fills a->sign for a packet of that type: signed when a challenge stands, which is spent then;
 * otherwise it asks for one.  0, or -1 with errno. */
MUST_CHECK int signer_sign(const struct signer *, struct signer_talk *, int type,
			   struct packet_announcement *a);

enum signer_verdict {
	SIGNER_CHALLENGED, /* asked, and there it is: say it again, signed */
	SIGNER_PROVEN,	   /* the answer is signed for what was said last */
	SIGNER_WRONG	   /* it is not: *why is a constant sentence */
};

/* Judges a packet of type 4, and keeps the challenge that it brings. */
enum signer_verdict signer_verify(const struct signer *, struct signer_talk *,
				  const struct packet *ack, const char **why);

/* The proxy has refused: the next key, if there is another. */
void signer_refused(const struct signer *, struct signer_talk *);

#endif
