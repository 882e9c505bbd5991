/* conf_option.c - see conf_option.h.
 *
 * By hand: getopt_long_only() takes words after one dash, but abbreviated ones too, so that a new
 * option changes what an old script says, and it cannot know --no-daemon or words its table lacks.
 */
#include "conf_option.h"

#include <string.h>

#include "conf_key.h"

/* What is between an argument's dashes and its =. */
struct name {
	const char *s;
	size_t n;
	int dashes;
};

/* "stop-timeout" names the key stop_timeout. */
static bool
is_long_name(struct name name, const char *key)
{
	size_t i;

	for (i = 0; i < name.n && key[i] != '\0'; i++)
		if (name.s[i] != (key[i] == '_' ? '-' : key[i]))
			return false;
	return i == name.n && key[i] == '\0';
}

static bool
means(const struct conf_key *key, struct name name)
{
	if (key->original != NULL && strlen(key->original) == name.n &&
	    memcmp(name.s, key->original, name.n) == 0)
		return true;
	if (name.dashes == 1)
		return name.n == 1 && name.s[0] == key->letter;
	return is_long_name(name, key->name);
}

/* --no-daemon */
static bool
denies(const struct conf_key *key, struct name name)
{
	if (key->type != CONF_BOOL || name.dashes != 2 || name.n < 3 ||
	    memcmp(name.s, "no-", 3) != 0)
		return false;
	return is_long_name((struct name){name.s + 3, name.n - 3, 2}, key->name);
}

static const struct conf_key *
find(const struct conf_walk *w, struct name name,
     bool (*fits)(const struct conf_key *, struct name), size_t *place)
{
	const struct conf_key *key;

	for (*place = 0; (key = conf_key_at(w->tables, w->n, *place, NULL)) != NULL; ++*place)
		if (fits(key, name))
			break;
	return key;
}

const char *
conf_option_program(const struct conf_walk *w)
{
	const char *name = w->argc > 0 ? w->argv[0] : "", *slash = strrchr(name, '/');

	return slash != NULL ? slash + 1 : name;
}

static int
complain(const struct conf_walk *w, const struct conf_option *o, const char *what)
{
	if (w->err != NULL)
		(void)fprintf(w->err, "%s: %.*s: %s\n", conf_option_program(w), o->spelled_n,
			      o->spelled, what);
	return -1;
}

static int
unknown(const struct conf_walk *w, const struct conf_option *o, struct name name)
{
	char word[CONF_OPTION], option[CONF_OPTION], what[2 * CONF_OPTION] = "no such option";
	const struct conf_key *key;
	const char *now, *other;

	(void)snprintf(word, sizeof word, "%.*s", (int)name.n, name.s);
	key = conf_key_at(w->tables, w->n, conf_key_nearest(w->tables, w->n, word), NULL);
	now = conf_key_former(w->tables, w->n, word);
	other = conf_key_elsewhere(w->tables, w->n, word);
	if (now != NULL)
		(void)snprintf(what, sizeof what, "no such option any more; set %s", now);
	else if (other != NULL)
		(void)snprintf(what, sizeof what, "no such option here; it is one of %s", other);
	else if (key != NULL)
		(void)snprintf(what, sizeof what, "no such option (did you mean %s?)",
			       conf_key_spelling(key, word, option, sizeof option));
	return complain(w, o, what);
}

int
conf_option_next(struct conf_walk *w, struct conf_option *o)
{
	const struct conf_key *key;
	struct name name = {.dashes = 1};
	bool no = false;

	if (w->at >= w->argc || w->argv[w->at][0] != '-' || w->argv[w->at][1] == '\0')
		return 0;
	o->spelled = w->argv[w->at++];
	if (strcmp(o->spelled, "--") == 0)
		return 0;
	o->spelled_n = (int)strcspn(o->spelled, "=");
	o->value = o->spelled[o->spelled_n] == '=' ? o->spelled + o->spelled_n + 1 : NULL;
	name.dashes += o->spelled[1] == '-';
	name.s = o->spelled + name.dashes;
	name.n = (size_t)(o->spelled_n - name.dashes);

	key = find(w, name, means, &o->place);
	if (key == NULL) {
		key = find(w, name, denies, &o->place);
		no = true;
	}
	if (key == NULL)
		return unknown(w, o, name);
	if (no && o->value != NULL)
		return complain(w, o, "no value is taken");
	if (key->type == CONF_BOOL && o->value == NULL)
		o->value = no ? "no" : "yes";
	if (o->value == NULL && w->at < w->argc)
		o->value = w->argv[w->at++];
	return o->value != NULL ? 1 : complain(w, o, "a value is needed");
}
