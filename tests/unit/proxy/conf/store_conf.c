/* The settings of the store. */
#include "store_conf.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char said[512];

static int
check(struct store_conf *c)
{
	FILE *err = fmemopen(said, sizeof said, "w");
	int rc;

	cr_assert_not_null(err);
	rc = store_conf_check(c, err);
	(void)fclose(err);
	return rc;
}

static char first[] = "http://10.0.0.1:2379", second[] = "http://10.0.0.2:2379",
	    secure[] = "https://etcd.example:2379", none[] = "", proxy[] = "proxy";
static char *http[] = {first, second};
static char *https[] = {secure};

static struct store_conf
conf_of(char **url, size_t n)
{
	return (struct store_conf){.urls = {url, n},
				   .ttl = 10000,
				   .ca = none,
				   .certificate = none,
				   .key = none,
				   .user = none,
				   .password_file = none};
}

/* A file that is gone with the test's process folder. */
static char *
file_with(const char *text, mode_t mode)
{
	static char path[4][32];
	static int n;
	int fd;

	strcpy(path[n], "/tmp/store-conf.XXXXXX");
	fd = mkstemp(path[n]);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(fchmod(fd, mode), 0);
	(void)close(fd);
	return path[n++];
}

Test(store_conf, urls_are_of_members)
{
	static const char *const good[] = {"http://a:1", "https://etcd-1.example_x:65535",
					   "http://[::1]:2379", "http://127.0.0.1:2379"};
	static const char *const bad[] = {"127.0.0.1:2379", "ftp://a:1",      "http://a",
					  "http://:2379",   "http://a:0",     "http://a:65536",
					  "http://a:1/",    "http://u:p@a:1", "http://a:1/path",
					  "http://a b:1",   "http://a:1?x=y", "http://",
					  "HTTP://a:1",	    "http://a:1#x"};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		cr_expect_null(store_conf_judge_url(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_not_null(store_conf_judge_url(bad[i]), "%s", bad[i]);
}

Test(store_conf, a_member_is_there_once_and_there_are_sixteen)
{
	const char *item[17];
	static char text[17][32];
	size_t at;

	for (int i = 0; i < 17; i++) {
		(void)snprintf(text[i], sizeof text[i], "http://a:%d", i + 1);
		item[i] = text[i];
	}
	cr_assert_null(store_conf_judge_urls(item, 16, &at));
	cr_assert_not_null(store_conf_judge_urls(item, 17, &at));
	cr_assert_eq(at, 16);
	item[5] = item[2];
	cr_assert_not_null(store_conf_judge_urls(item, 16, &at));
	cr_assert_eq(at, 5);
}

Test(store_conf, without_a_store_nothing_is_read)
{
	struct store_conf c = conf_of(NULL, 0);

	c.user = proxy;
	cr_assert_not(store_conf_is_on(&c));
	cr_assert_eq(check(&c), 0);
	cr_assert_null(c.files);
}

Test(store_conf, what_needs_another_setting_says_which)
{
	struct store_conf c = conf_of(https, 1);

	cr_assert_eq(check(&c), -1);
	cr_assert_str_eq(said, "ppool-proxy: store: https:// needs store_ca to verify it by\n");
	c = conf_of(http, 2);
	c.certificate = proxy;
	cr_assert_eq(check(&c), -1);
	cr_assert_str_eq(said, "ppool-proxy: store_certificate, store_key: each needs the other\n");
	c = conf_of(http, 2);
	c.user = proxy;
	cr_assert_eq(check(&c), -1);
	cr_assert_str_eq(said, "ppool-proxy: store_user: it needs store_password_file\n");
	c = conf_of(http, 2);
	c.password_file = proxy;
	cr_assert_eq(check(&c), -1);
	cr_assert_str_eq(said, "ppool-proxy: store_password_file: it needs store_user\n");
}

Test(store_conf, a_password_is_one_word_in_a_file_of_its_owner)
{
	struct store_conf c = conf_of(http, 2);

	c.user = proxy;
	c.password_file = file_with("se$cret\n", 0600);
	cr_assert_eq(check(&c), 0, "%s", said);
	cr_assert_str_eq(c.files->password, "se$cret");
	store_conf_forget(&c);
	cr_assert_null(c.files);
	cr_assert_eq(chmod(c.password_file, 0644), 0);
	cr_assert_eq(check(&c), -1);
	cr_assert_not_null(strstr(said, "its mode must be 0600"), "%s", said);
	store_conf_forget(&c);
	(void)unlink(c.password_file);
	c.password_file = file_with("two words\n", 0600);
	cr_assert_eq(check(&c), -1);
	cr_assert_not_null(strstr(said, ":1: it must hold one word, the password"), "%s", said);
	store_conf_forget(&c);
	(void)unlink(c.password_file);
	c.password_file = file_with("# nothing\n", 0600);
	cr_assert_eq(check(&c), -1);
	cr_assert_not_null(strstr(said, ": is empty"), "%s", said);
	store_conf_forget(&c);
	(void)unlink(c.password_file);
}

Test(store_conf, a_ca_that_is_none_is_refused)
{
	struct store_conf c = conf_of(https, 1);

	c.ca = proxy;
	cr_assert_eq(check(&c), -1);
	cr_assert_not_null(strstr(said, ": proxy: "), "%s", said);
	c.ca = file_with("no certificate\n", 0644);
	cr_assert_eq(check(&c), -1);
	cr_assert_not_null(strstr(said, c.ca), "%s", said);
	(void)unlink(c.ca);
}

Test(store_conf, another_password_or_member_is_another_store)
{
	struct store_conf a = conf_of(http, 2), b = conf_of(http, 2);

	cr_assert(store_conf_same(&a, &b));
	b.hold = 7;
	cr_assert(store_conf_same(&a, &b));
	b.urls.n = 1;
	cr_assert_not(store_conf_same(&a, &b));
	b = a;
	b.ttl++;
	cr_assert_not(store_conf_same(&a, &b));
	b = a;
	a.user = b.user = proxy;
	a.password_file = file_with("one\n", 0600);
	b.password_file = file_with("two\n", 0600);
	cr_assert_eq(check(&a), 0);
	cr_assert_eq(check(&b), 0);
	cr_assert_not(store_conf_same(&a, &b));
	strcpy(b.files->password, "one");
	cr_assert(store_conf_same(&a, &b));
	store_conf_forget(&b);
	cr_assert_not(store_conf_same(&a, &b));
	store_conf_forget(&a);
	(void)unlink(a.password_file);
	(void)unlink(b.password_file);
}
