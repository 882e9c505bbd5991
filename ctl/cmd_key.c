/* cmd_key.c - see cmd_key.h. */
#include "cmd_key.h"

#include <string.h>

#include "secret_file.h"
#include "signature.h"

static int
derive(const char *text, const char *keyid, const char *id)
{
	const struct secret_file_line line = {.file = "standard input", .number = 1};
	uint8_t secret[SIGNATURE_SECRET_MAX], key[DIGEST_MAC];
	char hex[DIGEST_MAC_HEX + 1];
	int n = secret_file_secret(&line, text, secret, stderr);

	if (n < 0)
		return STATUS_USAGE;
	signature_server_key(span_of((const char *)secret, (size_t)n), keyid, id, key);
	digest_hex(key, sizeof key, hex);
	(void)printf("server-key %s\n", hex);
	explicit_bzero(secret, sizeof secret);
	explicit_bzero(key, sizeof key);
	explicit_bzero(hex, sizeof hex);
	return 0;
}

/* Asks no daemon: the secret, in hex or base64, is on standard input. */
int
cmd_key(const struct command *v, const struct target *t, const struct view *view,
	char *const args[])
{
	char text[2 * SIGNATURE_SECRET_MAX + 2];
	int status;

	(void)t;
	(void)view;
	if (args[0] == NULL || args[1] == NULL || args[2] != NULL) {
		(void)fprintf(stderr, "usage: ppool-ctl %s %s < SECRET\n", v->name, v->args);
		return STATUS_USAGE;
	}
	if (strlen(args[0]) > PACKET_ID_MAX || strlen(args[1]) > PACKET_ID_MAX) {
		(void)fprintf(stderr, "ppool-ctl: derive-key: names have at most %d bytes\n",
			      PACKET_ID_MAX);
		return STATUS_USAGE;
	}
	if (fgets(text, sizeof text, stdin) == NULL) {
		(void)fputs("ppool-ctl: derive-key: the secret is read from standard input\n",
			    stderr);
		return STATUS_USAGE;
	}
	text[strcspn(text, " \t\r\n")] = '\0';
	status = derive(text, args[0], args[1]);
	explicit_bzero(text, sizeof text);
	return status;
}
