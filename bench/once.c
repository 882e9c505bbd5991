/* once.c - writes the SHA-1 of what it reads, and ends: for handler = exec-once, and as CGI. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "digest.h"

int
main(void)
{
	const char *length = getenv("CONTENT_LENGTH"); /* CGI: standard input may not end there */
	size_t most = length == NULL ? SIZE_MAX : strtoul(length, NULL, 10);
	char hex[DIGEST_HEX + 1], chunk[65536];
	struct buf in = BUF_INIT;
	ssize_t n = 1;

	while (n > 0 && buf_len(&in) < most) {
		n = read(STDIN_FILENO, chunk, sizeof chunk);
		if (n < 0 || (n > 0 && buf_append_span(&in, span_of(chunk, (size_t)n)) < 0))
			return 1;
	}
	digest_sha1_hex(buf_span(&in), hex);
	if (length != NULL)
		(void)printf("Content-Length: %d\r\n\r\n", DIGEST_HEX);
	(void)fputs(hex, stdout);
	buf_release(&in);
	return fflush(stdout) == EOF ? 1 : 0;
}
