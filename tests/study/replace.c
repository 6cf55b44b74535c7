/* Replacing files: what is refused, what is kept, what is left behind. */
#define _GNU_SOURCE
#include "study/replace.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[96];

static int remove_one(const char *name, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(name);
}

static void begin(void)
{
    strcpy(folder, "/tmp/fanin-replace-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/file", folder);
}

static void end(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(replace, .init = begin, .fini = end);

static void put(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    cr_assert(file != NULL, "%s cannot be written", name);
    fputs(text, file);
    cr_assert_eq(fclose(file), 0);
}

static void expect_content(const char *name, const char *expected)
{
    char text[64] = "";
    FILE *file = fopen(name, "r");
    cr_assert(file != NULL, "%s cannot be read", name);
    cr_expect(fgets(text, sizeof text, file) != NULL);
    cr_expect_str_eq(text, expected);
    fclose(file);
}

static fi_status replace(const char *name, const char *text)
{
    fi_replacement replacement;
    const fi_status status = fi_replacement_begin(&replacement, name);
    if (status != FI_OK)
        return status;
    put(replacement.temporary, text);
    return fi_replacement_commit(&replacement);
}

/* Fails with FI_EIO, a message that has `part`, and leaves no temporary file. */
static void expect_refused(const char *name, const char *part)
{
    char temporary[128];
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    const fi_status status = replace(name, "new");
    cr_expect_eq(status, FI_EIO, "'%s': status %d", name, (int)status);
    cr_expect(strstr(fi_message(), part), "'%s' does not say '%s'", fi_message(), part);
    cr_expect_neq(access(temporary, F_OK), 0, "%s is left", temporary);
}

Test(replace, the_old_file_stays_until_the_new_one_is_whole)
{
    fi_replacement replacement;
    cr_assert_eq(replace(path, "old"), FI_OK, "%s", fi_message());
    cr_assert_eq(fi_replacement_begin(&replacement, path), FI_OK, "%s", fi_message());
    put(replacement.temporary, "half");
    expect_content(path, "old");
    fi_replacement_discard(&replacement);
    expect_content(path, "old");
    cr_expect_neq(access(replacement.temporary, F_OK), 0, "the temporary file is left");
    cr_assert_eq(replace(path, "new"), FI_OK, "%s", fi_message());
    expect_content(path, "new");
    cr_expect_neq(access(replacement.temporary, F_OK), 0, "the temporary file is left");
}

Test(replace, a_missing_folder_is_made_but_not_two)
{
    char name[128];
    snprintf(name, sizeof name, "%s/new/file", folder);
    cr_expect_eq(replace(name, "new"), FI_OK, "%s", fi_message());
    expect_content(name, "new");
    snprintf(name, sizeof name, "%s/one/two/file", folder);
    expect_refused(name, "No such file or directory");
    cr_expect(strstr(fi_message(), "/one/two'"), "%s", fi_message());
}

/* A pipe stands for all devices: should it be replaced after all, no harm is done. */
Test(replace, only_regular_files_are_replaced)
{
    char name[128];
    struct stat status;
    expect_refused(folder, "it is a folder");
    expect_refused("", "names no file");
    snprintf(name, sizeof name, "%s/sub/", folder);
    expect_refused(name, "names no file");
    snprintf(name, sizeof name, "%s/dangling", folder);
    cr_assert_eq(symlink("nowhere", name), 0);
    expect_refused(name, "symbolic link to nothing");
    snprintf(name, sizeof name, "%s/pipe", folder);
    cr_assert_eq(mkfifo(name, 0666), 0);
    expect_refused(name, "not a regular file");
    cr_expect_eq(stat(name, &status), 0);
    cr_expect(S_ISFIFO(status.st_mode), "the pipe was replaced");
}

Test(replace, a_path_too_long_is_refused)
{
    static char name[2 * PATH_MAX];
    memset(name, 'x', sizeof name - 1);
    expect_refused(name, "File name too long");
    name[300] = '\0'; /* short enough for a path, not for a name */
    expect_refused(name, "File name too long");
}

Test(replace, a_link_and_the_permissions_stay)
{
    char link[128];
    struct stat status;
    put(path, "old");
    cr_assert_eq(chmod(path, 0640), 0);
    snprintf(link, sizeof link, "%s/link", folder);
    cr_assert_eq(symlink("file", link), 0);
    cr_assert_eq(replace(link, "new"), FI_OK, "%s", fi_message());
    cr_expect_eq(lstat(link, &status), 0);
    cr_expect(S_ISLNK(status.st_mode), "the link was replaced");
    expect_content(path, "new");
    cr_expect_eq(stat(path, &status), 0);
    cr_expect_eq(status.st_mode & 0777, 0640, "permissions became %o", status.st_mode & 0777);
}

/* Permissions do not stop root, who steps down for the while. */
Test(replace, missing_permission_is_named)
{
    const bool root = geteuid() == 0;
    cr_assert_eq(chmod(folder, 0555), 0);
    if (root)
        cr_assert_eq(seteuid(65534), 0);
    char name[128];
    snprintf(name, sizeof name, "%s/other", folder);
    expect_refused(name, "Permission denied");
    cr_expect(strstr(fi_message(), folder), "%s", fi_message());
    if (root)
        cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(chmod(folder, 0755), 0);
}

Test(replace, a_file_being_written_is_left_alone)
{
    char temporary[128];
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    const int other = open(temporary, O_RDWR | O_CREAT, 0666);
    cr_assert_eq(flock(other, LOCK_EX), 0);
    cr_expect_eq(replace(path, "new"), FI_EIO);
    cr_expect(strstr(fi_message(), "another process"), "%s", fi_message());
    cr_expect_eq(access(temporary, F_OK), 0, "the other's file is gone");
    close(other); /* as when the other is killed: its file is used again */
    cr_expect_eq(replace(path, "new"), FI_OK, "%s", fi_message());
    expect_content(path, "new");
}
