/* registration_internal.h - internal to registration: registration.c (carrying out),
 * registration_check.c (may it), registration_reply.c (what it is answered), registration_learn.c
 * (what other proxies tell). */
#ifndef POLICYPOOL_REGISTRATION_INTERNAL_H
#define POLICYPOOL_REGISTRATION_INTERNAL_H

#include "digest.h"
#include "registration.h"

/* One packet on its way. */
struct registration_handling {
	const struct registration *j;
	struct registration_peer *guest;
	uint64_t now;
	struct packet p;
	struct packet_announcement a;
	struct packet_fault fault; /* what it is told when it is refused */
	const char *truth;	   /* what the log is told; NULL: the same */
	unsigned retry_after;	   /* ms */
	char nonce[PACKET_NONCE + 1];
	uint8_t key[DIGEST_MAC];     /* what it is signed with */
	bool old;		     /* with a secret for which there is a newer one */
	char rival[ADDR_TEXT];	     /* a server that was refused for this one's sake; or empty */
	enum registration_verb verb; /* what was done */
	enum registration_result result;
};

static inline bool
registration_is_signed(const struct registration_handling *h)
{
	return h->a.sign.keyid[0] != '\0';
}

/* The tallies of an index that passes to another server start anew. */
void registration_begin_tally(const struct registration_handling *);

/* ---- registration_check.c ----
 * 0, or -1 with the fault filled: it is refused. */

/* Always -1. */
int registration_refuse(struct registration_handling *, enum packet_code, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* By where it comes from, and whether it has to be signed. */
MUST_CHECK int registration_check_unsigned(struct registration_handling *);
/* What its key may; at is NULL when it leaves.  Fine for one that is not signed. */
MUST_CHECK int registration_check_rights(struct registration_handling *, const struct addr *at);
/* Fills key and old. */
MUST_CHECK int registration_check_signature(struct registration_handling *);
/* Fills *at: where the server is. */
MUST_CHECK int registration_check_place(struct registration_handling *, struct addr *at);
/* The same of what another proxy tells. */
MUST_CHECK int registration_check_told_place(struct registration_handling *, const struct addr *at);
/* Whether the proxy would speak to it as it asks to be spoken to. */
MUST_CHECK int registration_check_tls(struct registration_handling *);
/* Whether its job is that of its policy: the one that is set, or that of the servers there. */
MUST_CHECK int registration_check_job(struct registration_handling *);
/* Whether keys that it has under the same names as the servers there are the same. */
MUST_CHECK int registration_check_job_keys(struct registration_handling *);
/* Whether it is about a server of the proxy's file, by id or by address; at is NULL when it
 * leaves. */
MUST_CHECK int registration_check_static(struct registration_handling *, const struct addr *at);
/* The job that the policy is to do by the settings; empty: any. */
const char *registration_job_set(const struct registration *, const char *policy);
/* Whether another server with that id, at another place, still lives. */
MUST_CHECK int registration_check_rival(struct registration_handling *, const struct addr *at);
/* That server; NULL: there is none. */
const struct registry_server *registration_rival(const struct registration_handling *,
						 const struct addr *at);

/* ---- registration_answer.c ---- */

/* It was denied: that counts against its address. */
void registration_charge(struct registration_handling *);
/* Among the events. */
void registration_remember_refusal(const struct registration_handling *);
void registration_log_refusal(const struct registration_handling *);
void registration_count(const struct registration_handling *, bool fine);
/* Appends the answer, without its newline.  0, or -1 with ENOMEM. */
MUST_CHECK int registration_answer(const struct registration_handling *, bool fine,
				   struct buf *answer);

#endif
