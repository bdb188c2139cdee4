/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside policy alone: one load, the field tables that drive reader, printer and schema, and the name tables.
 * Order of a load: every file becomes a tree (includes first; of an inventory, each row when it is read); all names of all
 * sections are entered, so that a reference can be resolved when it is read; then section after section is read, in each file
 * after file. */
#ifndef POLICY_POLICY_READ_H
#define POLICY_POLICY_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "policy/policy.h"

struct arena;
struct buf;
struct diag;
struct doc;
struct doc_node;
struct policy_csv;
struct word;

enum {
	POLICY_MAX_FILES = 256,
	POLICY_MAX_BYTES = 128 << 20,   /* of all files of a policy together */
	POLICY_MAX_INCLUDE_DEPTH = 4,
	POLICY_MAX_CSV_COLUMNS = 64,
	POLICY_MAX_NAME = 63,
	POLICY_MAX_TEXT = 2000,
	POLICY_MAX_RULES = 20000,
	POLICY_MAX_DEVICES = 250000,
	POLICY_MAX_ENTRIES = 250000,    /* of any other section */
	POLICY_MAX_IFACES = 4096,
	POLICY_MAX_RULE_PORTS = 1024,   /* pieces of a rule's services */
	POLICY_MAX_PORTS = 2000000,     /* of all rules, those that are one service alone not counted */
};

/* What a name is.  Everything up to PACK shares one name space; makers and rule ids have their own. */
enum policy_name_kind {
	POLICY_NAME_BUILTIN, POLICY_NAME_ZONE, POLICY_NAME_GROUP, POLICY_NAME_DEVICE, POLICY_NAME_HOST,
	POLICY_NAME_SERVICE, POLICY_NAME_PACK, POLICY_NAME_MAKER, POLICY_NAME_RULE, POLICY_NAME_TEST,
	POLICY_NAME_KINDS
};

struct policy_name {
	const char *name;               /* NULL: an empty slot */
	enum policy_name_kind kind;
	uint32_t index;                 /* into the array of its kind; built-ins: enum policy_ref_kind */
	struct loc loc;
};

struct policy_names {
	struct policy_name *slots;
	size_t n, size;                 /* size: a power of two or 0 */
};

const struct policy_name *policy_names_find(const struct policy_names *t, const char *name);
/* Enter a name; what stands there already (and *n unchanged), or NULL.  *failed: out of memory. */
const struct policy_name *policy_names_add(struct policy_names *t, struct policy_name n, bool *failed);
/* The name nearest to one that is not there, among the kinds whose bits are set; NULL: none is near. */
const char *policy_names_nearest(const struct policy_names *t, const char *name, unsigned kinds);
void policy_names_fini(struct policy_names *t);

/* One file of the policy, parsed.  The policy's own is the last. */
struct policy_source {
	struct doc *doc;
	bool include;
	const char *path;
	struct policy_csv **csv;        /* its inventories */
	uint32_t n_csv;
	bool reading_csv;
};

struct policy_read {
	struct policy *p;
	struct arena *a, *brief;        /* brief: for what only the checks look at */
	struct diag *d;
	const struct policy_paths *paths;
	int64_t now_ns;
	unsigned errors_before;         /* the diag is the caller's and may hold some */
	const char *dir;                /* the policy's own directory, for messages; NULL: none */
	int dir_fd;                     /* -1: none */
	VEC(struct policy_source) sources;
	struct datafile_files files;    /* in reading order */
	size_t bytes;                   /* of the policy's own files */
	size_t ports;                   /* of the services of rules so far */
	struct policy_source *src;      /* the one being read */
	struct policy_names names, makers, rules, tests, ifaces;
};

struct policy_field;
/* An entry's table: what its keys are, where entries are kept, and what it is called. */
struct policy_table {
	const struct policy_field *fields;
	size_t size;                            /* of an entry */
	size_t off, n_off;                      /* of the array and its length in struct policy */
	size_t name_off, loc_off;               /* in an entry */
	enum policy_name_kind kind;
	bool list;                              /* a list; else a mapping, whose keys are the names */
	const char *name_key;                   /* of a list: the key with the name; NULL: entries have none */
	bool value;                             /* the entry is the value of its only field */
	void (*init)(struct policy_read *r, void *entry);
	bool (*mine)(const void *entry);        /* for printing: is it of this section?  NULL: all are */
	const char *noun;                       /* "zone" */
	uint32_t max;
};

enum policy_type {
	POLICY_T_END, POLICY_T_VERSION, POLICY_T_STR, POLICY_T_NAME, POLICY_T_TIMEZONE, POLICY_T_WORD, POLICY_T_BOOL,
	POLICY_T_TRISTATE, POLICY_T_DAYS, POLICY_T_MASK, POLICY_T_START, POLICY_T_STOP, POLICY_T_STRS, POLICY_T_ADDR,
	POLICY_T_ADDRS, POLICY_T_MAC, POLICY_T_MACS, POLICY_T_NETS, POLICY_T_IFACES, POLICY_T_ONE, POLICY_T_MANY,
	POLICY_T_PACKS, POLICY_T_EXCEPT, POLICY_T_SEL, POLICY_T_SERVICES, POLICY_T_PORTS, POLICY_T_PORT, POLICY_T_FLOW_END,
	POLICY_T_RULE_ID, POLICY_T_FAIL, POLICY_T_FILES, POLICY_T_MAP, POLICY_T_LIST, POLICY_T_NAMED, POLICY_T_REFUSED,
	POLICY_TYPES
};

enum {
	POLICY_F_REQUIRED = 1,
	POLICY_F_MAIN = 2,              /* in the policy itself, not in an include */
	POLICY_F_QUIET = 4,             /* not printed: it is part of what it brought in */
	POLICY_F_APART = 16,            /* a map: the member points to it, NULL: not written; n_off is its size */
	POLICY_F_FILLED = 8,            /* a list that must not be empty */
};

/* One key.  Offsets are into the struct that the table describes; 0: there is none. */
struct policy_field {
	const char *key;
	enum policy_type type;
	unsigned flags;
	size_t off, n_off;              /* the member; of a list, its length */
	size_t loc_off;                 /* where it stands: a struct loc, or a list's array of them */
	size_t own;                     /* a bool: the key was written; its offset + 1 */
	const void *more;               /* words, fields, table or text, by type */
	enum policy_name_kind kind;     /* what ONE and MANY refer to */
	const char *about;
};

typedef void (*policy_read_fn)(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);
/* Append the value; false: there is none to print. */
typedef bool (*policy_print_fn)(const struct policy *p, const struct policy_field *f, const void *obj, struct buf *out);

struct policy_type_row {
	policy_read_fn read;
	policy_print_fn print;          /* NULL: by structure (maps, lists of entries) */
	const char *schema;             /* JSON; NULL: by structure */
	const char *what;               /* "a list of prefixes such as [10.20.0.0/16]" */
};

extern const struct policy_type_row policy_types[POLICY_TYPES];
extern const struct policy_field policy_top_fields[];
extern const struct policy_table policy_device_table;
extern const struct word policy_guard_words[], policy_unknown_words[], policy_fail_words[], policy_default_words[];
extern const struct word policy_proto_words[], policy_icmp_words[], policy_icmp6_words[];
extern const char *const policy_kind_nouns[POLICY_NAME_KINDS];
/* The words for kinds that a set of bits holds: "zone, group, device or host"; returns buf. */
const char *policy_kinds_text(unsigned kinds, char *buf, size_t size);

static inline void *policy_at(void *obj, size_t off)
{
	return (char *)obj + off;
}

static inline const void *policy_at_const(const void *obj, size_t off)
{
	return (const char *)obj + off;
}

/* policy_read.c: the walk over a mapping by its table. */
void policy_read_map(struct policy_read *r, const struct doc_node *v, const struct policy_field *fields, void *obj,
		     const char *noun);
void policy_read_top(struct policy_read *r);
bool policy_read_is_list(const struct policy_field *f);
/* An error that names the value and what stands there instead of it. */
void policy_read_wrong(struct policy_read *r, const struct doc_node *v, const struct policy_field *f);
/* A list: its items; a single value counts as a list of one.  false: said. */
bool policy_read_items(struct policy_read *r, const struct doc_node *v, const struct policy_field *f,
		       const struct doc_node **ret, uint32_t *ret_n);
bool policy_read_is_name(const char *s);
void policy_read_bad_name(struct policy_read *r, struct loc loc, const char *s, const char *noun);
/* The name that a reference means, among kinds; NULL: said. */
const struct policy_name *policy_read_ref(struct policy_read *r, const struct doc_node *v, unsigned kinds);
/* The text of a scalar; NULL (and said) for anything else. */
const char *policy_read_text(struct policy_read *r, const struct doc_node *v, const struct policy_field *f);
bool policy_read_time(struct policy_read *r, const struct doc_node *v, bool stop, struct policy_time *ret);
/* "tcp/554" and its like; false: *ret_why says what is wrong with it. */
bool policy_read_port_text(const char *s, struct policy_port *ret, const char **ret_why);
bool policy_read_looks_like_port(const char *s);
uint32_t policy_read_iface(struct policy_read *r, const char *name, struct loc loc);

/* Sections and values with files of their own. */
void policy_read_section(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);
void policy_read_inventory(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);
void policy_read_sel(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);
void policy_read_services(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);
void policy_read_ports(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);
void policy_read_port(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);
void policy_read_flow_end(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);
void policy_read_except(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);
void policy_read_one(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);
void policy_read_many(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);
void policy_read_packs(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);
void policy_read_fail(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);
void policy_read_rule_id(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj);

/* policy_scalar.c, one a type. */
#define POLICY_SCALAR(name) \
	void policy_scalar_##name(struct policy_read *r, const struct doc_node *v, const struct policy_field *f, void *obj)
POLICY_SCALAR(version); POLICY_SCALAR(str); POLICY_SCALAR(name); POLICY_SCALAR(timezone); POLICY_SCALAR(word);
POLICY_SCALAR(bool); POLICY_SCALAR(tristate); POLICY_SCALAR(days); POLICY_SCALAR(mask); POLICY_SCALAR(start);
POLICY_SCALAR(stop); POLICY_SCALAR(strs); POLICY_SCALAR(addr); POLICY_SCALAR(addrs); POLICY_SCALAR(mac);
POLICY_SCALAR(macs); POLICY_SCALAR(nets); POLICY_SCALAR(ifaces);

/* policy_include.c: the policy and what it includes, and their inventories, into r->sources; false: said. */
bool policy_include_all(struct policy_read *r, const char *path, const char *text, size_t len);
/* policy_csv.c: RFC 4180 with a header; each row is a mapping. */
struct policy_csv_name { const char *name; struct loc loc; };   /* of a row; NULL: it gives none */
/* The whole file is checked; d keeps its text, and is to outlive what is returned.  NULL: said. */
struct policy_csv *policy_csv_open(const char *name, const char *text, size_t len, struct diag *d);
void policy_csv_free(struct policy_csv *c);                     /* NULL is fine */
OWN(policy_csv)
struct loc policy_csv_loc(const struct policy_csv *c);          /* where it begins */
/* One a row, in order. */
uint32_t policy_csv_names(const struct policy_csv *c, const struct policy_csv_name **ret);
/* The next row; it is good until the next call.  false: there is none (out of memory is said). */
bool policy_csv_next(struct policy_csv *c, struct doc_node *ret);

/* policy_check*.c: what tables cannot say.  Run when reading found no error. */
void policy_check_all(struct policy_read *r);

#endif
