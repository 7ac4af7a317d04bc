"""Situations of a server that cannot bind its address, all asked with --bind."""

import contextlib
import fcntl
import os
import sys

from _situation import Ask, situation
from _stage import (BIND, NEW_MOUNTS, NEW_NETWORK, READ_ONLY, REMOUNT, STRANGER, Missing, become, join,
                    mount, needs_root, unshare)

OWNER = 65531
SET_FILE_FLAGS = 0x40086602  # FS_IOC_SETFLAGS
IMMUTABLE = 0x10  # FS_IMMUTABLE_FL


def binding(address, **options):
    return Ask(address, bind=True, **options)


@situation('name_in_use', 'EADDRINUSE')
def a_server_has_the_path(stage):
    """A server listens at the path."""
    stage.server('app.sock')
    return binding(stage.path('app.sock'))


@situation('name_in_use', 'EADDRINUSE')
def a_server_has_the_abstract_name(stage):
    """A server listens at the abstract name."""
    stage.server(stage.name())
    return binding(stage.name())


@situation('name_in_use', 'EADDRINUSE')
def a_starting_server_has_the_path(stage):
    """A process has bound the path and does not listen yet."""
    stage.server('app.sock', listen=False)
    return binding(stage.path('app.sock'))


@situation('name_in_use', 'EADDRINUSE')
def a_datagram_server_has_the_path(stage):
    """A process receives datagrams at the path."""
    stage.server('app.sock', kind='datagram')
    return binding(stage.path('app.sock'))


@situation('healthy, stale_file', 'EADDRINUSE')
def a_dead_server_left_its_file(stage):
    """A server that has died left its file, which a Hallway server replaces."""
    stage.stale('app.sock')
    return binding(stage.path('app.sock'))


@situation('name_taken', 'EADDRINUSE')
def a_file_is_in_the_way(stage):
    """A regular file is at the path."""
    stage.write('app.sock', 'text')
    return binding(stage.path('app.sock'))


@situation('name_taken', 'EADDRINUSE')
def a_directory_is_in_the_way(stage):
    """A directory is at the path."""
    os.mkdir('app.sock')
    return binding(stage.path('app.sock'))


@situation('name_taken', 'EADDRINUSE')
def a_dangling_link_is_in_the_way(stage):
    """A symbolic link to a name that does not exist is at the path."""
    os.symlink('real.sock', 'app.sock')
    return binding(stage.path('app.sock'))


@situation('mount_point_there', 'EADDRINUSE')
def a_mount_point_is_in_the_way(stage):
    """A file is mounted at the path."""
    stage.stale('real.sock')
    stage.write('app.sock')

    def act(ready):
        mount(stage.path('real.sock'), stage.path('app.sock'), flags=BIND)
        ready()
    inside = stage.child(act, unshare(NEW_MOUNTS), name='box')
    return binding(stage.path('app.sock'), before=join(inside.pid, 'mnt'))


@situation('directory_not_writable', 'EACCES')
def the_directory_may_not_be_written(stage):
    """The server may not create a file in the directory."""
    needs_root()
    os.mkdir('run')
    return binding(stage.path('run/app.sock'), before=become(STRANGER))


@situation('directory_not_writable', 'EACCES')
def another_user_may_not_write(stage):
    """The same, asked with --as for another user."""
    needs_root()
    os.mkdir('run')
    return binding(stage.path('run/app.sock'), flags=('--as', str(STRANGER)),
                   kernel_before=become(STRANGER))


@situation('no_permission_on_directory', 'EACCES')
def a_directory_may_not_be_searched(stage):
    """A directory of the path does not let the server through."""
    needs_root()
    os.makedirs('run/app')
    os.chmod('run/app', 0o777)
    os.chmod('run', 0o700)
    return binding(stage.path('run/app/app.sock'), before=become(STRANGER))


@situation('read_only_file_system', 'EROFS')
def the_file_system_is_read_only(stage):
    """The file system is mounted read-only."""
    os.mkdir('run')
    here = stage.path('run')

    def before():
        unshare(NEW_MOUNTS)()
        mount(here, here, flags=BIND)
        mount(here, here, flags=REMOUNT | BIND | READ_ONLY)
    return binding(here + '/app.sock', before=before)


@situation('directory_immutable', 'EPERM')
def the_directory_is_immutable(stage):
    """The directory is immutable (chattr +i)."""
    os.mkdir('run')
    here = stage.path('run')

    def act(ready):
        mount('tmpfs', here, 'tmpfs')  # which takes the flag with it
        directory = os.open(here, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(directory, SET_FILE_FLAGS, IMMUTABLE.to_bytes(8, sys.byteorder))
        except OSError as error:
            raise Missing(f'no directory can be made immutable here: {error}') from None
        ready()
    inside = stage.child(act, unshare(NEW_MOUNTS), name='box')
    return binding(here + '/app.sock', before=join(inside.pid, 'mnt'))


@situation('directory_missing', 'ENOENT')
def the_directory_does_not_exist(stage):
    """The directory is missing."""
    return binding(stage.path('run/app.sock'))


@situation('path_through_file', 'ENOTDIR')
def the_directory_is_a_file(stage):
    """A file stands where the path has a directory."""
    stage.write('run')
    return binding(stage.path('run/app.sock'))


@situation('sticky_directory', 'EADDRINUSE')
def the_file_of_another_user_stays(stage):
    """A stale file of another user is in a sticky directory, where only its owner may delete it."""
    needs_root()
    os.mkdir('tmp')
    stage.stale('tmp/app.sock')
    os.chown('tmp/app.sock', OWNER, OWNER)
    os.chmod('tmp', 0o1777)
    return binding(stage.path('tmp/app.sock'), before=become(STRANGER))


@situation('no_free_inodes', 'ENOSPC')
def no_inodes_are_left(stage):
    """The file system has no free inodes."""
    os.mkdir('small')
    here = stage.path('small')

    def act(ready):
        mount('tmpfs', here, 'tmpfs', data='nr_inodes=16')
        with contextlib.suppress(OSError):
            for number in range(32):
                stage.write(f'{here}/{number}')
        ready()
    inside = stage.child(act, unshare(NEW_MOUNTS), name='box')
    return binding(here + '/app.sock', before=join(inside.pid, 'mnt'))


@situation('file_system_without_sockets', ('EPERM', 'EACCES'))
def sysfs_holds_no_sockets(_):
    """The file system (sysfs) cannot hold sockets."""
    return binding('/sys/kernel/hallway.sock')


@situation('file_system_without_sockets', ('EPERM', 'EACCES', 'ENOENT'))
def proc_holds_no_sockets(_):
    """The file system (proc) cannot hold sockets."""
    return binding('/proc/hallway.sock')


@situation('working_directory_removed', 'ENOENT')
def the_working_directory_was_removed(stage):
    """The address is relative, and the working directory was removed."""
    def before():
        with contextlib.suppress(FileExistsError):
            os.mkdir('gone')
        os.chdir('gone')
        os.rmdir('../gone')
    return binding('app.sock', before=before)


@situation('lock_held', 'success')
def a_lock_is_held(stage):
    """A process holds the lock of the path, as an ending server does, and no socket listens."""
    def lock(ready):
        file = os.open('app.sock.lock', os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        ready()
    stage.child(lock)
    return binding(stage.path('app.sock'))


@situation('healthy', 'success')
def nothing_is_in_the_way(stage):
    """Nothing is at the path."""
    return binding(stage.path('app.sock'))


@situation('healthy, umask_narrows_mode', 'success')
def the_umask_takes_nothing(stage):
    """The umask is 0777, which does not decide about the mode of a Hallway server."""
    return binding(stage.path('app.sock'), before=lambda: os.umask(0o777))


@situation('healthy', 'success')
def the_abstract_name_is_free(stage):
    """No socket has the abstract name."""
    return binding(stage.name())


@situation('healthy', 'success')
def the_abstract_name_of_another_namespace_is_free(stage):
    """A process in another network namespace has the abstract name."""
    stage.server(stage.name(), before=unshare(NEW_NETWORK))
    return binding(stage.name())


