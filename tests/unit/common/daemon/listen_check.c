/* listen_check: what -t finds of the addresses to listen at. */
#include "listen_check.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

static char told[1024];

/* What is said is in `told`. */
static int
checked(const char *listen, const char *admin)
{
	char *item[] = {(char *)(uintptr_t)listen};
	const struct conf_list list = {.item = item, .n = 1};
	const struct daemon_conf conf = {.admin = (char *)(uintptr_t)admin};
	struct host_names known = {.former = NULL};
	struct listen_socket asked;
	FILE *err;
	int rc;

	memset(told, 0, sizeof told);
	err = fmemopen(told, sizeof told, "w");
	cr_assert_not_null(err);
	cr_assert_eq(listen_socket_ask(&asked, &list, "127.0.0.1", &known, "program", err), 0);
	rc = listen_check(&conf, &asked, "program", err);
	(void)fclose(err);
	host_names_forget(&known);
	return rc;
}

Test(listen_check, what_can_be_had_is_fine_and_free_afterwards)
{
	cr_assert_eq(checked("127.0.0.1:0", ""), 0);
	cr_assert_eq(checked("127.0.0.1:0", "0"), 0);
	cr_assert_eq(checked("unix:@ppool-listen-check", ""), 0, "those are looked at elsewhere");
	cr_assert_str_empty(told);
}

Test(listen_check, a_port_in_use_is_noted_only)
{
	const char *why;
	struct addr at;
	char text[ADDR_TEXT], wanted[512];
	int fd;

	cr_assert_eq(addr_resolve(&at, "127.0.0.1", 0, &why), 0);
	fd = net_listen(&at, 4);
	cr_assert_geq(fd, 0);
	cr_assert_eq(net_local(fd, &at), 0);
	cr_assert_eq(checked(addr_text(&at, text), text), 0);
	(void)snprintf(wanted, sizeof wanted,
		       "program: listen: %s is in use now, by this daemon or another one\n"
		       "program: admin: %s is in use now, by this daemon or another one\n",
		       text, text);
	cr_assert_str_eq(told, wanted);
	(void)close(fd);
}

Test(listen_check, an_address_of_another_machine_is_an_error)
{
	cr_assert_eq(checked("203.0.113.7:2100", ""), -1);
	cr_assert_str_eq(told,
			 "program: listen: 203.0.113.7:2100: Cannot assign requested address; "
			 "no interface of this machine has the address\n");
	cr_assert_eq(checked("127.0.0.1:0", "203.0.113.7:2180"), -1);
	cr_assert_not_null(strstr(told, "program: admin: 203.0.113.7:2180: "));
}
