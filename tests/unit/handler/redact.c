/* redact: the example module, by its ABI. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <policypool/handler.h>
#include <string.h>

static const char *card;

static void
no_log(int level, const char *text)
{
	(void)level;
	(void)text;
}

static const char *
setting(const char *key)
{
	return strcmp(key, "card") == 0 ? card : NULL;
}

static const struct ppool_host host = {sizeof host, no_log, setting};
static const struct ppool_handler *redact;
static void *state;

static void
load(void)
{
	void *object = dlopen(MODULES "redact.so", RTLD_NOW | RTLD_LOCAL);

	cr_assert_not_null(object, "%s", dlerror());
	redact = dlsym(object, "ppool_handler_1");
	cr_assert_eq(redact->start(&host, &state), 0);
}

static void
unload(void)
{
	redact->stop(state);
}

static void
masks(const char *text, const char *masked)
{
	struct ppool_job job = {.size = sizeof job, .payload = {text, strlen(text)}};
	struct ppool_reply reply = {.size = sizeof reply};

	cr_assert_eq(redact->run(state, &job, &reply), PPOOL_DONE);
	cr_assert(reply.payload.n == strlen(masked) &&
			  memcmp(reply.payload.p, masked, reply.payload.n) == 0,
		  "%s: %.*s", text, (int)reply.payload.n, reply.payload.p);
}

TestSuite(redact, .init = load, .fini = unload);

Test(redact, masks_card_numbers)
{
	masks("4111111111111111", "[card]");
	masks("pay 4111 1111 1111 1111 now", "pay [card] now");
	masks("5500-0000-0000-0004, 340000000000009.", "[card], [card].");
	masks("6011000000000004 6011 0000 0000 0004", "[card] [card]");
	masks("12 4111 1111 1111 1111", "12 [card]");
	masks("4222222222222 (13 digits)", "[card] (13 digits)");
}

Test(redact, leaves_other_numbers)
{
	masks("4111111111111112", "4111111111111112");
	masks("411111111111", "411111111111");
	masks("4111  1111 1111 1111", "4111  1111 1111 1111");
	masks("94111111111111111111111", "94111111111111111111111");
	masks("+41 79 123 45 67", "+41 79 123 45 67");
	masks("4111 1111 1111 111", "4111 1111 1111 111");
}

Test(redact, masks_addresses)
{
	masks("a@b.ch", "[email]");
	masks("To: <jane.doe+news@mail.example.co.uk>.", "To: <[email]>.");
	masks("a@b.ch,c@d.org", "[email],[email]");
	masks("caf\xc3\xa9 x_1@y-z.info\n", "caf\xc3\xa9 [email]\n");
	masks("4111111111111111@cards.example", "[email]");
	masks("'o'brien@b.ch' (x@y.com)", "'[email]' ([email])");
}

Test(redact, leaves_what_is_no_address)
{
	masks("a@b", "a@b");
	masks("@b.ch", "@b.ch");
	masks("a@.ch", "a@.ch");
	masks("a@b.c", "a@b.c");
	masks("a@1.2.3.4", "a@1.2.3.4");
	masks("a b", "a b");
	masks("", "");
}

/* What takes a glance a byte takes no time; otherwise minutes. */
Test(redact, takes_long_texts_in_its_stride)
{
	static char text[1 << 20];

	for (size_t i = 0; i < sizeof text - 1; i++)
		text[i] = "a.1-@"[i % 4];
	masks(text, text);
	memset(text, '1', sizeof text - 1);
	masks(text, text);
}

static void
load_stars(void)
{
	card = "****************************************";
	load();
}

Test(redact, takes_what_stands_in_their_place_from_settings, .init = load_stars)
{
	masks("4222222222222 4222222222222 x", "**************************************** "
					       "**************************************** x");
}
