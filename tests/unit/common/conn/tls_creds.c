/* tls_creds: which files are taken as credentials, and what is said of others. */
#include "tls_creds.h"

#include "tls_pair_fixture.h"

TestSuite(tls_creds, .init = tls_make_all, .fini = tls_remove_all);

/* Refused, in one line that begins with prog and has both words. */
static void
refused(enum tls_side side, const struct tls_files *files, const char *what, const char *why)
{
	cr_assert_null(load(side, files));
	cr_assert_eq(strncmp(said, "prog: ", 6), 0, "%s", said);
	cr_assert_not_null(strstr(said, what), "%s in %s", what, said);
	cr_assert_not_null(strstr(said, why), "%s in %s", why, said);
	cr_assert_eq(strchr(said, '\n'), said + strlen(said) - 1, "%s", said);
}

Test(tls_creds, credentials_are_shared_and_go_with_the_last_holder)
{
	struct tls_files f = server_files();
	struct tls_creds *c = load(TLS_SERVER, &f);

	cr_assert_eq(tls_creds_ref(c), c);
	tls_creds_unref(c);
	tls_creds_unref(c);
	tls_creds_unref(NULL);
}

Test(tls_creds, what_is_wrong_with_a_file_is_said_with_its_name)
{
	struct tls_files f = server_files();
	char path[TLS_PATH];

	f.certificate = "/nowhere/at.all";
	refused(TLS_SERVER, &f, "/nowhere/at.all", "No such file");
	f.certificate = tls_folder;
	refused(TLS_SERVER, &f, tls_folder, "no regular file");
	f.certificate = made.server.key;
	refused(TLS_SERVER, &f, made.server.key, "no certificate in it");
	f = server_files();
	f.key = made.client.key;
	refused(TLS_SERVER, &f, made.client.key, "not the key of the certificate");
	f.key = made.server.certificate;
	cr_assert_eq(chmod(made.server.certificate, 0600), 0);
	refused(TLS_SERVER, &f, made.server.certificate, "no key in it");
	f = server_files();
	(void)snprintf(path, sizeof path, "%s/broken.crt", tls_folder);
	tls_save(path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 57, 0644);
	f.certificate = path;
	refused(TLS_SERVER, &f, path, "");
}

Test(tls_creds, a_key_that_others_can_read_is_refused)
{
	struct tls_files f = server_files();

	cr_assert_eq(chmod(made.server.key, 0644), 0);
	refused(TLS_SERVER, &f, made.server.key, "0600");
	cr_assert_eq(chmod(made.server.key, 0660), 0);
	refused(TLS_SERVER, &f, made.server.key, "0600");
	cr_assert_eq(chmod(made.server.key, 0640), 0);
	tls_creds_unref(load(TLS_SERVER, &f));
}

Test(tls_creds, what_does_not_go_together_is_refused)
{
	struct tls_files f = {.key = made.server.key};

	refused(TLS_SERVER, &f, made.server.key, "and its key");
	f = (struct tls_files){.certificate = made.server.certificate};
	refused(TLS_CLIENT, &f, made.server.certificate, "and its key");
	f = (struct tls_files){.key = NULL};
	refused(TLS_SERVER, &f, "certificate", "needed");
	f = server_files();
	f.verify = TLS_VERIFY_OPTIONAL;
	refused(TLS_SERVER, &f, "CA", "needed");
	f.ca = made.server.key;
	refused(TLS_SERVER, &f, made.server.key, "no certificate of a CA");
	f = client_files();
	f.crl = made.ca.certificate;
	refused(TLS_CLIENT, &f, made.ca.certificate, "revoked");
}

Test(tls_creds, priorities_are_judged)
{
	struct tls_files f = server_files();

	f.priorities = "NORMAL:+NONSENSE";
	refused(TLS_SERVER, &f, "NORMAL:+NONSENSE", "NONSENSE");
	f.priorities = "NORMAL:+VERS-TLS1.1";
	refused(TLS_SERVER, &f, "VERS-TLS1.1", "older than TLS 1.2");
	f.priorities = "NORMAL:-VERS-TLS1.1:-VERS-TLS1.0";
	tls_creds_unref(load(TLS_SERVER, &f));
	f.priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
	tls_creds_unref(load(TLS_SERVER, &f));
}
