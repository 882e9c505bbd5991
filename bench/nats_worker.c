/* nats_worker.c - nats_worker PORT PROCESSES asap|gathered: workers of nats-server, with its own
 * library: a queue group that answers messages of the subject sha1.  A reply is sent at once, which
 * is faster with few requests in flight, or by a thread that gathers them, which is faster with
 * many. */
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "prefork.h"

static char url[64];
static bool asap;

static void
on_message(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *ctx)
{
	char hex[DIGEST_HEX + 1];

	(void)sub;
	(void)ctx;
	digest_sha1_hex(span_of(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m)), hex);
	if (natsConnection_Publish(nc, natsMsg_GetReply(m), hex, DIGEST_HEX) != NATS_OK)
		_Exit(1);
	natsMsg_Destroy(m);
}

static int
work(void *ctx)
{
	natsOptions *options = NULL;
	natsConnection *nc = NULL;
	natsSubscription *sub = NULL;
	natsStatus s = natsOptions_Create(&options);

	(void)ctx;
	if (s == NATS_OK)
		s = natsOptions_SetURL(options, url);
	if (s == NATS_OK)
		s = natsOptions_SetSendAsap(options, asap);
	if (s == NATS_OK)
		s = natsConnection_Connect(&nc, options);
	if (s == NATS_OK)
		s = natsConnection_QueueSubscribe(&sub, nc, "sha1", "workers", on_message, NULL);
	if (s != NATS_OK) {
		(void)fprintf(stderr, "nats_worker: %s\n", natsStatus_GetText(s));
		return 1;
	}
	for (;;)
		nats_Sleep(3600000);
}

int
main(int argc, char *argv[])
{
	if (argc != 4) {
		(void)fprintf(stderr, "usage: nats_worker PORT PROCESSES asap|gathered\n");
		return 2;
	}
	(void)snprintf(url, sizeof url, "nats://127.0.0.1:%s", argv[1]);
	asap = strcmp(argv[3], "asap") == 0;
	return prefork((unsigned)strtoul(argv[2], NULL, 10), work, NULL);
}
