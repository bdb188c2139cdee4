/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qs: the pointer itself is published by the compiler's atomics, which ThreadSanitizer understands.  What it
 * cannot see is liburcu's promise that a grace period orders every reader's last use before its end: each
 * quiescent state is announced as a release, the end of the grace period as an acquire. */
#include "base/qs.h"

#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu-qsbr.h>

#ifdef __has_feature
#define QS_CLANG_TSAN __has_feature(thread_sanitizer)
#else
#define QS_CLANG_TSAN 0
#endif
#if defined(__SANITIZE_THREAD__) || QS_CLANG_TSAN
#include <sanitizer/tsan_interface.h>
static char grace;
#define RELEASE() __tsan_release(&grace)
#define ACQUIRE() __tsan_acquire(&grace)
#else
#define RELEASE() ((void)0)
#define ACQUIRE() ((void)0)
#endif

void qs_thread_begin(void)
{
	urcu_qsbr_register_thread();
}

void qs_thread_end(void)
{
	RELEASE();
	urcu_qsbr_unregister_thread();
}

void qs_quiescent(void)
{
	RELEASE();
	urcu_qsbr_quiescent_state();
}

void qs_offline(void)
{
	RELEASE();
	urcu_qsbr_thread_offline();
}

void qs_online(void)
{
	urcu_qsbr_thread_online();
}

const void *qs_get(struct qs_ptr *ptr)
{
	return __atomic_load_n(&ptr->p, __ATOMIC_ACQUIRE);
}

void *qs_swap(struct qs_ptr *ptr, void *next)
{
	return __atomic_exchange_n(&ptr->p, next, __ATOMIC_SEQ_CST);
}

void qs_synchronize(void)
{
	urcu_qsbr_synchronize_rcu();
	ACQUIRE();
}
