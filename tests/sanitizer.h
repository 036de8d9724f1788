/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SANITIZER_H
#define TESTS_SANITIZER_H

/* sanitizer.h - which one a file is compiled for, by gcc's names in clang too.
 */
#if defined(__has_feature)
#    if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#        define __SANITIZE_ADDRESS__ 1
#    endif
#    if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#        define __SANITIZE_THREAD__ 1
#    endif
#endif

#endif
