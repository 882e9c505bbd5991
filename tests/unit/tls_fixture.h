/* tls_fixture.h - certificates made by the test, in a folder of its own. */
#ifndef POLICYPOOL_TESTS_TLS_FIXTURE_H
#define POLICYPOOL_TESTS_TLS_FIXTURE_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TLS_PATH = 64, DAY = 24 * 3600 };

static char tls_folder[] = "/tmp/ppool-tls-XXXXXX";

struct identity {
	char certificate[TLS_PATH], key[TLS_PATH]; /* files */
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t private;
};

struct identity_wish {
	const char *name;	       /* of files and subject */
	const struct identity *issuer; /* NULL: signs itself, and may sign others */
	const char *dns, *ip;	       /* whom it is for */
	const char *purpose;	       /* NULL: server */
	long from, until;	       /* seconds from now; 0, 0: yesterday to tomorrow */
	unsigned rsa;		       /* bits of its key; 0: one of P-256 */
};

static inline void
tls_save(const char *path, const void *data, size_t n, mode_t mode)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(data, 1, n, f), n);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(chmod(path, mode), 0);
}

static inline void
tls_name(gnutls_x509_crt_t c, const struct identity_wish *w)
{
	unsigned char ip[4];

	cr_assert_eq(gnutls_x509_crt_set_dn_by_oid(c, GNUTLS_OID_X520_COMMON_NAME, 0, w->name,
						   (unsigned)strlen(w->name)),
		     0);
	if (w->dns != NULL)
		cr_assert_eq(gnutls_x509_crt_set_subject_alt_name(c, GNUTLS_SAN_DNSNAME, w->dns,
								  (unsigned)strlen(w->dns), 0),
			     0);
	if (w->ip != NULL) {
		cr_assert_eq(inet_pton(AF_INET, w->ip, ip), 1);
		cr_assert_eq(gnutls_x509_crt_set_subject_alt_name(c, GNUTLS_SAN_IPADDRESS, ip, 4,
								  GNUTLS_FSAN_APPEND),
			     0);
	}
}

static inline void
tls_fill(gnutls_x509_crt_t c, const struct identity_wish *w)
{
	static unsigned char serial;
	time_t now = time(NULL);
	bool open = w->from == 0 && w->until == 0;

	serial++;
	cr_assert_eq(gnutls_x509_crt_set_version(c, 3), 0);
	cr_assert_eq(gnutls_x509_crt_set_serial(c, &serial, 1), 0);
	cr_assert_eq(gnutls_x509_crt_set_activation_time(c, now + (open ? -DAY : w->from)), 0);
	cr_assert_eq(gnutls_x509_crt_set_expiration_time(c, now + (open ? DAY : w->until)), 0);
	if (w->issuer == NULL) {
		cr_assert_eq(gnutls_x509_crt_set_basic_constraints(c, 1, -1), 0);
		cr_assert_eq(gnutls_x509_crt_set_key_usage(c, GNUTLS_KEY_KEY_CERT_SIGN |
								      GNUTLS_KEY_CRL_SIGN),
			     0);
	} else {
		cr_assert_eq(gnutls_x509_crt_set_key_usage(c, GNUTLS_KEY_DIGITAL_SIGNATURE), 0);
		cr_assert_eq(
			gnutls_x509_crt_set_key_purpose_oid(
				c, w->purpose != NULL ? w->purpose : GNUTLS_KP_TLS_WWW_SERVER, 0),
			0);
	}
}

static inline void
identity_make(struct identity *i, const struct identity_wish *w)
{
	const struct identity *issuer = w->issuer != NULL ? w->issuer : i;
	gnutls_datum_t text;

	(void)snprintf(i->certificate, sizeof i->certificate, "%s/%s.crt", tls_folder, w->name);
	(void)snprintf(i->key, sizeof i->key, "%s/%s.key", tls_folder, w->name);
	cr_assert_eq(gnutls_x509_privkey_init(&i->private), 0);
	cr_assert_eq(gnutls_x509_privkey_generate(
			     i->private, w->rsa > 0 ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA,
			     w->rsa > 0 ? w->rsa : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
			     0),
		     0);
	cr_assert_eq(gnutls_x509_crt_init(&i->crt), 0);
	cr_assert_eq(gnutls_x509_crt_set_key(i->crt, i->private), 0);
	tls_name(i->crt, w);
	tls_fill(i->crt, w);
	cr_assert_eq(
		gnutls_x509_crt_sign2(i->crt, issuer->crt, issuer->private, GNUTLS_DIG_SHA256, 0),
		0);
	cr_assert_eq(gnutls_x509_crt_export2(i->crt, GNUTLS_X509_FMT_PEM, &text), 0);
	tls_save(i->certificate, text.data, text.size, 0644);
	gnutls_free(text.data);
	cr_assert_eq(gnutls_x509_privkey_export2(i->private, GNUTLS_X509_FMT_PEM, &text), 0);
	tls_save(i->key, text.data, text.size, 0600);
	gnutls_free(text.data);
}

static inline void
identity_free(struct identity *i)
{
	gnutls_x509_crt_deinit(i->crt);
	gnutls_x509_privkey_deinit(i->private);
}

/* Two CAs that know nothing of each other, and who one of them has signed. */
static struct {
	struct identity ca, other, server, twin, client, expired; /* twin: of server */
	char both[TLS_PATH];					  /* the CAs, in one file */
} made;

/* One file of two. */
static inline void
tls_join(char *path, const char *name, const char *a, const char *b)
{
	char command[4 * TLS_PATH];

	(void)snprintf(path, TLS_PATH, "%s/%s", tls_folder, name);
	(void)snprintf(command, sizeof command, "cat %s %s >%s", a, b, path);
	cr_assert_eq(system(command), 0);
}

static inline void
tls_make_all(void)
{
	cr_assert_not_null(mkdtemp(tls_folder));
	identity_make(&made.ca, &(struct identity_wish){.name = "ca"});
	identity_make(&made.other, &(struct identity_wish){.name = "other"});
	identity_make(&made.server, &(struct identity_wish){.name = "server",
							    .issuer = &made.ca,
							    .dns = "pool.example",
							    .ip = "127.0.0.1"});
	identity_make(&made.twin, &(struct identity_wish){.name = "server2",
							  .issuer = &made.ca,
							  .dns = "pool.example",
							  .ip = "127.0.0.1"});
	tls_join(made.both, "both.crt", made.ca.certificate, made.other.certificate);
	identity_make(&made.client, &(struct identity_wish){.name = "client",
							    .issuer = &made.ca,
							    .purpose = GNUTLS_KP_TLS_WWW_CLIENT});
	identity_make(&made.expired, &(struct identity_wish){.name = "expired",
							     .issuer = &made.ca,
							     .dns = "pool.example",
							     .from = -2 * DAY,
							     .until = -DAY});
}

static inline void
tls_remove_all(void)
{
	struct identity *all[] = {&made.ca,   &made.other,  &made.server,
				  &made.twin, &made.client, &made.expired};
	char command[TLS_PATH + 16];

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		identity_free(all[i]);
	(void)snprintf(command, sizeof command, "rm -r %s", tls_folder);
	cr_assert_eq(system(command), 0);
}

#endif
