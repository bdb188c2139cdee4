/* SPDX-License-Identifier: GPL-2.0-or-later */
/* registry: the snapshot is one text, kept whole; names point into it.  Prefixes stand in three arrays, one per length,
 * in the file's own order, which is checked, so that a lookup is a binary search and co-owners are neighbours.
 * A name is normalised once, however many prefixes carry it.  What a damaged or cut file would look like (disorder,
 * a row count other than the header's) is an error with its line: half a registry would make restricted MACs unknown. */
#include "policy/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/now.h"
#include "base/vec.h"

enum { MAX_FILE = 64 << 20, MAX_ROWS = 1 << 20, MAX_LINE = 512, MAX_HEADER_LINE = 4096, MAX_OWNERS = 4 };

struct name {
	const char *raw, *normalised;
	uint32_t registrant;
	bool nobody;
};

struct row {
	uint64_t prefix;
	uint32_t name;
	uint8_t kind;
};

/* Texts to numbers 0, 1, 2 …: open addressing, a slot holds number + 1. */
struct intern {
	uint32_t *slots;
	size_t cap;
	VEC(const char *) texts;
};

struct registry {
	struct arena *arena;
	VEC(struct row) rows[3];        /* by length: 36, 28, 24 bits */
	VEC(struct name) names;
	struct intern raws, registrants;
	uint32_t n_rows, said_rows;     /* said_rows: the header's count, 0: not given */
	char date[11];
};

/* The text being read. */
struct reader {
	struct registry *r;
	const char *file, *end;
	unsigned line;
};

static const struct length { uint8_t digits, bits; } lengths[3] = { { 9, 36 }, { 7, 28 }, { 6, 24 } };

static const struct kind_word {
	const char *word;
	enum registry_kind kind;
	uint8_t digits;
} kinds[] = {
	{ "MA-L", REGISTRY_MA_L, 6 }, { "MA-M", REGISTRY_MA_M, 7 }, { "MA-S", REGISTRY_MA_S, 9 },
	{ "IAB", REGISTRY_IAB, 9 }, { "CID", REGISTRY_CID, 6 },
};

static struct loc here(const struct reader *rd, const char *line, const char *at)
{
	return (struct loc){ rd->file, rd->line, (unsigned)(at - line) + 1 };
}

static bool intern_resize(struct intern *in, size_t cap)
{
	uint32_t *slots = calloc(cap, sizeof(*slots));

	if (!slots)
		return false;
	for (uint32_t i = 0; i < in->texts.n; i++) {
		const char *s = in->texts.at[i];
		size_t at = digest_hash64(s, strlen(s), 0) & (cap - 1);

		while (slots[at])
			at = (at + 1) & (cap - 1);
		slots[at] = i + 1;
	}
	free(in->slots);
	in->slots = slots;
	in->cap = cap;
	return true;
}

/* The number of text; *ret_new when it was not there (then text must stay).  false: out of memory. */
static bool intern_add(struct intern *in, const char *text, uint32_t *ret, bool *ret_new)
{
	size_t at;

	if (in->texts.n * 2 >= in->cap && !intern_resize(in, in->cap ? in->cap * 2 : 1024))
		return false;
	at = digest_hash64(text, strlen(text), 0) & (in->cap - 1);
	for (*ret_new = false; in->slots[at]; at = (at + 1) & (in->cap - 1)) {
		*ret = in->slots[at] - 1;
		if (!strcmp(in->texts.at[*ret], text))
			return true;
	}
	*ret = (uint32_t)in->texts.n;
	*ret_new = true;
	if (!VEC_PUSH(&in->texts, text))
		return false;
	in->slots[at] = *ret + 1;
	return true;
}

static bool is_word_char(unsigned c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* The value of &#38; or &#x26; at s (behind "&#"), 0 when it is none; *ret_end is behind the semicolon. */
static unsigned numeric_entity(const char *s, const char **ret_end)
{
	char *end;
	unsigned long v;
	bool hex = *s == 'x' || *s == 'X';

	s += hex;
	if (hex ? !strchr("0123456789abcdefABCDEF", *s) : *s < '0' || *s > '9')
		return 0;
	v = *s ? strtoul(s, &end, hex ? 16 : 10) : 0;
	if (!v || *end != ';' || end - s > 8)
		return 0;
	*ret_end = end + 1;
	return v < 0x80 ? (unsigned)v : ' ';    /* beyond ASCII only folds into a space */
}

/* One character of name, entities decoded; what is no ASCII (no-break spaces too) comes as bytes that fold. */
static unsigned next_char(const char **s)
{
	static const char *const named[] = { "amp;", "lt;", "gt;", "quot;", "apos;", "nbsp;" };
	unsigned c = (unsigned char)**s;

	if (c == '&' && (*s)[1] == '#') {
		unsigned v = numeric_entity(*s + 2, s);

		if (v)
			return v;
	}
	for (size_t i = 0; c == '&' && i < sizeof(named) / sizeof(*named); i++)
		if (!strncmp(*s + 1, named[i], strlen(named[i]))) {
			*s += 1 + strlen(named[i]);
			return ' ';
		}
	(*s)++;
	return c;
}

const char *registry_normalise(const char *name, char *buf, size_t size)
{
	size_t n = 0;
	bool gap = false;

	while (*name) {
		unsigned c = next_char(&name);

		c = c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
		if (!is_word_char(c)) {
			gap = n > 0;
			continue;
		}
		if (n + gap + 1 >= size)
			break;
		if (gap)
			buf[n++] = ' ';
		buf[n++] = (char)c;
		gap = false;
	}
	if (size)
		buf[n] = '\0';
	return buf;
}

static bool is_nobody(const char *normalised)
{
	return !*normalised || !strcmp(normalised, "private") || !strcmp(normalised, "ieee registration authority");
}

static int out_of_memory(const struct reader *rd, struct err *e)
{
	return err_set(e, ENOMEM, (struct loc){ rd->file, rd->line, 1 }, "out of memory");
}

/* The number of a registrant's name as written; a new one is normalised. */
static int add_name(struct reader *rd, const char *raw, uint32_t *ret, struct err *e)
{
	struct registry *r = rd->r;
	struct name name = { .raw = raw };
	char text[MAX_LINE];
	bool fresh;

	if (!intern_add(&r->raws, raw, ret, &fresh))
		return out_of_memory(rd, e);
	if (!fresh)
		return 0;
	name.normalised = arena_strdup(r->arena, registry_normalise(raw, text, sizeof(text)));
	if (!name.normalised || !intern_add(&r->registrants, name.normalised, &name.registrant, &fresh))
		return out_of_memory(rd, e);
	name.nobody = is_nobody(name.normalised);
	return VEC_PUSH(&r->names, name) ? 0 : out_of_memory(rd, e);
}

/* The digits of line up to a tab; *ret_n of them.  *ret_end is where they end. */
static uint64_t read_prefix(const char *line, size_t *ret_n, const char **ret_end)
{
	static const char hex[] = "0123456789ABCDEF";
	uint64_t v = 0;
	size_t n = 0;
	const char *p;

	for (; n < 10 && line[n] && (p = strchr(hex, line[n])) != NULL; n++)
		v = v << 4 | (uint64_t)(p - hex);
	*ret_n = n;
	*ret_end = line + n;
	return v;
}

static const struct kind_word *read_kind(const char *s, const char **ret_end)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t n = strlen(kinds[i].word);

		if (!strncmp(s, kinds[i].word, n) && s[n] == '\t') {
			*ret_end = s + n;
			return &kinds[i];
		}
	}
	return NULL;
}

static int add_row(struct reader *rd, const char *line, size_t length, struct row row, struct err *e)
{
	struct registry *r = rd->r;
	size_t n = r->rows[length].n, owners = 1;
	const struct row *before = r->rows[length].at;

	if (n && before[n - 1].prefix > row.prefix)
		return err_set(e, EINVAL, here(rd, line, line),
			       "prefix %.9s is out of order: the file is sorted bytewise (LC_ALL=C sort)", line);
	while (owners <= n && before[n - owners].prefix == row.prefix) {
		if (before[n - owners].name == row.name)
			return err_set(e, EINVAL, here(rd, line, line), "the same prefix and owner are listed twice");
		owners++;
	}
	if (owners > MAX_OWNERS)
		return err_set(e, E2BIG, here(rd, line, line), "a prefix has more than %d owners", MAX_OWNERS);
	if (++r->n_rows > MAX_ROWS)
		return err_set(e, E2BIG, here(rd, line, line), "more than %d rows", MAX_ROWS);
	return VEC_PUSH(&r->rows[length], row) ? 0 : out_of_memory(rd, e);
}

/* prefix TAB registry TAB registrant */
static int read_row(struct reader *rd, const char *line, struct err *e)
{
	const struct kind_word *kind;
	const char *p;
	size_t digits, length = 0;
	struct row row = { .prefix = read_prefix(line, &digits, &p) };

	if (*p != '\t')
		return err_set(e, EINVAL, here(rd, line, p), "a prefix is 6, 7 or 9 upper-case hex digits and a tab");
	while (length < 3 && lengths[length].digits != digits)
		length++;
	if (length == 3)
		return err_set(e, EINVAL, here(rd, line, line), "a prefix has 6, 7 or 9 digits, not %zu", digits);
	kind = read_kind(p + 1, &p);
	if (!kind)
		return err_set(e, EINVAL, here(rd, line, p + 1), "the registry is MA-L, MA-M, MA-S, IAB or CID, then a tab");
	if (kind->digits != digits)
		return err_set(e, EINVAL, here(rd, line, line), "%s prefixes have %d digits, not %zu", kind->word,
			       kind->digits, digits);
	p++;
	if (!*p || strchr(p, '\t') || strchr(p, '\r'))
		return err_set(e, EINVAL, here(rd, line, p), "a registrant is text without tab or carriage return");
	row.kind = (uint8_t)kind->kind;
	if (add_name(rd, p, &row.name, e))
		return -1;
	return add_row(rd, line, length, row, e);
}

static int read_header(struct reader *rd, const char *line, struct err *e)
{
	static const char date[] = "# data date: ", rows[] = "# rows: ";
	int year;
	unsigned month, day;

	if (!strncmp(line, date, strlen(date))) {
		memcpy(rd->r->date, line + strlen(date), strnlen(line + strlen(date), 10));
		if (!now_parse_date(rd->r->date, &year, &month, &day))
			return err_set(e, EINVAL, here(rd, line, line + strlen(date)), "the data date is YYYY-MM-DD");
	}
	if (!strncmp(line, rows, strlen(rows))) {
		unsigned long n = strtoul(line + strlen(rows), NULL, 10);

		if (n == 0 || n > MAX_ROWS)
			return err_set(e, EINVAL, here(rd, line, line + strlen(rows)), "the row count is 1 to %d", MAX_ROWS);
		rd->r->said_rows = (uint32_t)n;
	}
	return 0;
}

/* Cut text into lines in place and read each. */
static int read_lines(struct reader *rd, char *text, struct err *e)
{
	while (text < rd->end) {
		char *nl = memchr(text, '\n', (size_t)(rd->end - text));
		char *stop = nl ? nl : text + (rd->end - text);
		bool header = *text == '#';

		rd->line++;
		*stop = '\0';
		if (strlen(text) != (size_t)(stop - text))
			return err_set(e, EINVAL, here(rd, text, text + strlen(text)), "a NUL byte");
		if (stop - text > (header ? MAX_HEADER_LINE : MAX_LINE - 1))
			return err_set(e, E2BIG, here(rd, text, text), "the line is longer than %d bytes",
				       header ? MAX_HEADER_LINE : MAX_LINE - 1);
		if (header ? read_header(rd, text, e) : read_row(rd, text, e))
			return -1;
		text = stop + 1;
	}
	return 0;
}

static int check_whole(const struct reader *rd, struct err *e)
{
	const struct registry *r = rd->r;
	struct loc loc = { rd->file, rd->line ? rd->line : 1, 1 };

	if (!r->date[0])
		return err_set(e, EINVAL, loc, "the header lacks a line '# data date: YYYY-MM-DD'");
	if (!r->n_rows)
		return err_set(e, EINVAL, loc, "no prefix is listed");
	if (r->said_rows && r->said_rows != r->n_rows)
		return err_set(e, EINVAL, loc, "%u rows, but the header says %u: the file is cut or was edited", r->n_rows,
			       r->said_rows);
	return 0;
}

int registry_load_text(const char *name, const char *text, size_t len, struct registry **ret, struct err *e)
{
	AUTO(registry) r = calloc(1, sizeof(*r));
	struct reader rd = { .r = r, .file = err_intern(name) };
	char *copy;

	if (!r)
		return err_plain(e, ENOMEM, "out of memory");
	r->arena = arena_new();
	if (len > MAX_FILE)
		return err_set(e, EFBIG, LOC_NONE, "%s is larger than %d bytes", name, MAX_FILE);
	copy = r->arena ? arena_alloc(r->arena, len + 1, 1) : NULL;
	if (!copy)
		return out_of_memory(&rd, e);
	if (len)
		memcpy(copy, text, len);
	rd.end = copy + len;
	if (read_lines(&rd, copy, e) || check_whole(&rd, e))
		return -1;
	free(r->raws.slots);
	r->raws.slots = NULL;
	VEC_FREE(&r->raws.texts);
	*ret = TAKE(r);
	return 0;
}

int registry_load(const char *path, struct registry **ret, struct err *e)
{
	AUTO_MEM char *text = NULL;
	size_t len;

	if (file_read(path, MAX_FILE, &text, &len, e))
		return -1;
	return registry_load_text(path, text, len, ret, e);
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	for (int i = 0; i < 3; i++)
		VEC_FREE(&r->rows[i]);
	VEC_FREE(&r->names);
	VEC_FREE(&r->raws.texts);
	VEC_FREE(&r->registrants.texts);
	free(r->raws.slots);
	free(r->registrants.slots);
	arena_free(r->arena);
	free(r);
}

/* The first row of one length whose prefix is not below the one wanted. */
static size_t lower_bound(const struct row *rows, size_t n, uint64_t prefix)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (rows[mid].prefix < prefix)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

unsigned registry_find(const struct registry *r, const struct mac *m, struct registry_hit ret[static 4])
{
	uint64_t mac = addr_mac_u64(m);
	unsigned n = 0;

	if (addr_mac_is_group(m))
		return 0;
	for (int i = 0; i < 3 && !n; i++) {
		uint64_t prefix = mac >> (48 - lengths[i].bits);
		const struct row *rows = r->rows[i].at;
		size_t at = lower_bound(rows, r->rows[i].n, prefix);

		for (; at < r->rows[i].n && rows[at].prefix == prefix && n < MAX_OWNERS; at++) {
			const struct name *name = &r->names.at[rows[at].name];

			ret[n++] = (struct registry_hit){
				.name = name->raw, .normalised = name->normalised, .registrant = name->registrant,
				.kind = rows[at].kind, .bits = lengths[i].bits, .nobody = name->nobody,
			};
		}
	}
	return n;
}

const char *registry_date(const struct registry *r)
{
	return r->date;
}

uint32_t registry_rows(const struct registry *r)
{
	return r->n_rows;
}

static void mac_of(uint64_t v, struct mac *ret)
{
	for (unsigned i = 6; i-- > 0; v >>= 8)
		ret->b[i] = (uint8_t)v;
}

uint32_t registry_row(const struct registry *r, uint32_t i, struct mac *ret_lo, struct mac *ret_hi)
{
	unsigned length = 0, rest;
	const struct row *row;

	while (i >= r->rows[length].n)
		i -= (uint32_t)r->rows[length++].n;
	row = &r->rows[length].at[i];
	rest = 48U - lengths[length].bits;
	mac_of(row->prefix << rest, ret_lo);
	mac_of(row->prefix << rest | ((UINT64_C(1) << rest) - 1), ret_hi);
	return r->names.at[row->name].registrant;
}

uint32_t registry_registrants(const struct registry *r)
{
	return (uint32_t)r->registrants.texts.n;
}

const char *registry_registrant(const struct registry *r, uint32_t index)
{
	return index < r->registrants.texts.n ? r->registrants.texts.at[index] : NULL;
}
