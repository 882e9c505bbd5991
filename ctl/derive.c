/* derive.c - see derive.h. */
#include "derive.h"

#include <string.h>

#include "secretfile.h"
#include "signature.h"
#include "verb.h"

static int
derive(const char *text, const char *keyid, const char *id, FILE *out)
{
	const struct secretfile_line line = {.file = "standard input", .number = 1};
	uint8_t secret[SIGNATURE_SECRET_MAX], key[DIGEST_MAC];
	char hex[DIGEST_MAC_HEX + 1];
	int n = secretfile_secret(&line, text, secret, stderr);

	if (n < 0)
		return STATUS_USAGE;
	signature_server_key(span_of((const char *)secret, (size_t)n), keyid, id, key);
	digest_hex(key, sizeof key, hex);
	(void)fprintf(out, "server-key %s\n", hex);
	explicit_bzero(secret, sizeof secret);
	explicit_bzero(key, sizeof key);
	explicit_bzero(hex, sizeof hex);
	return 0;
}

int
derive_key(const char *keyid, const char *id, FILE *in, FILE *out)
{
	char text[2 * SIGNATURE_SECRET_MAX + 2];
	int status;

	if (strlen(keyid) > PACKET_ID_MAX || strlen(id) > PACKET_ID_MAX) {
		(void)fprintf(stderr, "ppool-ctl: derive-key: names have at most %d bytes\n",
			      PACKET_ID_MAX);
		return STATUS_USAGE;
	}
	if (fgets(text, sizeof text, in) == NULL) {
		(void)fputs("ppool-ctl: derive-key: the secret is read from standard input\n",
			    stderr);
		return STATUS_USAGE;
	}
	text[strcspn(text, " \t\r\n")] = '\0';
	status = derive(text, keyid, id, out);
	explicit_bzero(text, sizeof text);
	return status;
}
