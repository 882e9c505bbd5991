/* conf_fixed.c - what a running process can't change; see conf.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf_key.h"

static size_t
size_of(const struct conf_key *key)
{
	assert(key->type == CONF_BOOL || key->type == CONF_INT || key->type == CONF_MODE);
	return key->type == CONF_BOOL ? sizeof(bool) : sizeof(unsigned);
}

static int
keep_text(char **now, const char *before, bool *differs)
{
	char *copy;

	*differs = strcmp(*now, before) != 0;
	if (!*differs)
		return 0;
	copy = strdup(before);
	if (copy == NULL)
		return -1;
	free(*now);
	*now = copy;
	return 0;
}

static int
keep(const struct conf_key *key, void *settings, const void *before, bool *differs)
{
	char *to = (char *)settings + key->offset;
	const char *from = (const char *)before + key->offset;

	if (key->type == CONF_TEXT)
		return keep_text((char **)(void *)to, *(char *const *)(const void *)from, differs);
	*differs = memcmp(to, from, size_of(key)) != 0;
	memcpy(to, from, size_of(key));
	return 0;
}

int
conf_keep_fixed(const struct conf_table *tables, const struct conf_table *before, size_t n,
		void (*told)(const char *name, void *ctx), void *ctx)
{
	const struct conf_key *key;
	void *settings, *old;
	bool differs;

	for (size_t i = 0; (key = conf_key_at(tables, n, i, &settings)) != NULL; i++) {
		(void)conf_key_at(before, n, i, &old);
		if (!key->fixed)
			continue;
		if (keep(key, settings, old, &differs) < 0)
			return -1;
		if (differs)
			told(key->name, ctx);
	}
	return 0;
}
