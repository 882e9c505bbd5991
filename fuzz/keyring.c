/* A keyring and a server's key file, whatever they hold, are taken or refused with reasons, and no
 * reason gives a secret away. */
#include "keyring.h"
#include "fuzz.h"
#include "signer.h"

static const struct signer_conf conf = {"alpha", "pool", "100"};
static const char secret[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

static void
ask(const struct keyring *k)
{
	const struct keyring_key *key = keyring_find(k, "alpha");
	struct addr a;

	HOLDS(addr_numeric(&a, "192.0.2.1", 5) == 0);
	if (key == NULL)
		return;
	HOLDS(key->secrets > 0 && key->secrets <= KEYRING_SECRETS);
	(void)keyring_has_policy(key, "111");
	(void)keyring_has_id(key, "web-1");
	(void)keyring_has_network(key, &a);
	for (size_t i = 0; i < key->secrets; i++) {
		HOLDS(key->secret[i].n >= SIGNATURE_SECRET_MIN);
		(void)keyring_takes(&key->secret[i], 1000000000);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = fuzz_span(data, size);
	char *said = NULL;
	size_t n;
	FILE *err = open_memstream(&said, &n);
	struct keyring *k = keyring_parse("ring", text, err);
	struct signer *s = signer_parse("key", text, &conf, err);

	HOLDS(fclose(err) == 0);
	HOLDS((k == NULL || s == NULL) == (n > 0));
	HOLDS(strstr(said, secret) == NULL || memmem(data, size, secret, 64) == NULL ||
	      strstr(said, "secret") != NULL);
	if (k != NULL)
		ask(k);
	keyring_free(k);
	signer_free(s);
	free(said);
	return 0;
}
