"""Situations of permissions, limits and sandboxes: the server is there, this client may not."""

import contextlib
import os
import pwd
import resource
import socket

from _situation import Ask, situation
from _stage import (BIND, NEW_MOUNTS, NEW_USERS, NO_ID, STRANGER, Missing, all_of, become,
                    checked, forbid_abstract_names, join, libc, map_root, mount, needs_root, refuse_sockets,
                    set_acl, unshare)
from _support import until

OWNER, GROUP = 65531, 65530


def served(stage, mode, owner=OWNER, group=GROUP):
    """A server whose file has this mode and owner."""
    needs_root()
    stage.server('app.sock')
    os.chown('app.sock', owner, group)
    os.chmod('app.sock', mode)
    return stage.path('app.sock')


@situation('no_permission_on_socket', 'EACCES')
def the_mode_denies_others(stage):
    """The file allows its owner and its group to connect, and the client is neither."""
    return Ask(served(stage, 0o660), before=become(STRANGER))


@situation('no_permission_on_socket', 'EACCES')
def the_mode_denies_the_group(stage):
    """The client is of the file's group, which may read and not write."""
    return Ask(served(stage, 0o640), before=become(STRANGER, GROUP))


@situation('no_permission_on_socket', 'EACCES')
def the_mode_denies_the_owner(stage):
    """The client owns the file, and the owner may not write."""
    return Ask(served(stage, 0o577), before=become(OWNER))


@situation('no_permission_on_socket', 'EACCES')
def a_user_is_asked_about(stage):
    """The same, asked with --as for another user."""
    return Ask(served(stage, 0o660), ('--as', str(STRANGER)), kernel_before=become(STRANGER))


@situation('healthy', 'success')
def the_group_is_allowed(stage):
    """The client is of the group that may write."""
    return Ask(served(stage, 0o660), before=become(STRANGER, STRANGER, [GROUP]))


@situation('healthy', 'success')
def root_is_always_allowed(stage):
    """The file allows nobody to connect, and the client is root."""
    return Ask(served(stage, 0))


@situation('no_permission_on_directory', 'EACCES')
def a_directory_denies(stage):
    """A directory of the path does not let the client through."""
    os.mkdir('run')
    needs_root()
    stage.server('run/app.sock', mode=0o666)
    os.chmod('run', 0o700)
    return Ask(stage.path('run/app.sock'), before=become(STRANGER))


@situation('no_permission_on_directory', 'EACCES')
def a_directory_may_be_listed_only(stage):
    """The client may list a directory of the path, and not search it."""
    os.mkdir('run')
    needs_root()
    stage.server('run/app.sock', mode=0o666)
    os.chmod('run', 0o744)
    return Ask(stage.path('run/app.sock'), before=become(STRANGER))


@situation('no_permission_on_directory', 'EACCES')
def a_directory_above_denies(stage):
    """A directory further up denies, asked with --as."""
    os.makedirs('run/app')
    needs_root()
    stage.server('run/app/app.sock', mode=0o600)
    os.chmod('run', 0o750)
    return Ask(stage.path('run/app/app.sock'), ('--as', str(STRANGER)), kernel_before=become(STRANGER))


@situation('no_permission_on_directory', 'EACCES')
def the_directory_of_a_link_denies(stage):
    """A symbolic link leads through a directory that the client may not search."""
    os.mkdir('private')
    needs_root()
    stage.server('private/app.sock', mode=0o666)
    os.chmod('private', 0o700)
    os.symlink('private/app.sock', 'app.sock')
    return Ask(stage.path('app.sock'), before=become(STRANGER))


@situation('group_not_in_process', 'EACCES')
def the_group_came_after_the_login(stage):
    """The user was added to the group after this process had started."""
    path = served(stage, 0o660)
    try:
        user = pwd.getpwnam('nobody')
    except KeyError as missing:
        raise Missing('there is no user nobody') from missing
    with open('/etc/group') as groups:
        stage.write('group', groups.read() + f'appgroup:x:{GROUP}:nobody\n')
    return Ask(path, before=all_of(unshare(NEW_MOUNTS), lambda: mount('group', '/etc/group', flags=BIND),
                                   become(user.pw_uid, user.pw_gid)))


@situation('acl_denies', 'EACCES')
def the_mask_of_the_list_denies(stage):
    """An access control list names the client, and its mask takes the permission away."""
    path = served(stage, 0o660)
    set_acl('app.sock', ('owner', 6, NO_ID), ('user', 6, STRANGER), ('group_owner', 6, NO_ID),
            ('mask', 4, NO_ID), ('other', 6, NO_ID))
    return Ask(path, before=become(STRANGER))


@situation('acl_denies', 'EACCES')
def the_list_denies_one_user(stage):
    """An access control list denies this user, though all others may connect."""
    path = served(stage, 0o666)
    set_acl('app.sock', ('owner', 6, NO_ID), ('user', 0, STRANGER), ('group_owner', 6, NO_ID),
            ('mask', 6, NO_ID), ('other', 6, NO_ID))
    return Ask(path, before=become(STRANGER))


@situation('acl_denies', 'EACCES')
def the_list_of_a_directory_denies(stage):
    """An access control list of a directory denies this user."""
    needs_root()
    os.mkdir('run')
    stage.server('run/app.sock', mode=0o666)
    set_acl('run', ('owner', 7, NO_ID), ('user', 0, STRANGER), ('group_owner', 7, NO_ID),
            ('mask', 7, NO_ID), ('other', 7, NO_ID))
    return Ask(stage.path('run/app.sock'), before=become(STRANGER))


@situation('healthy', 'success')
def the_list_allows_one_user(stage):
    """An access control list allows this user."""
    path = served(stage, 0o600)
    set_acl('app.sock', ('owner', 6, NO_ID), ('user', 6, STRANGER), ('group_owner', 0, NO_ID),
            ('mask', 6, NO_ID), ('other', 0, NO_ID))
    return Ask(path, before=become(STRANGER))


@situation('owner_not_mapped', 'EACCES')
def the_owner_has_no_number_here(stage):
    """The owner of the file has no number in the user namespace of the client."""
    def before():
        try:
            checked(libc.unshare(NEW_USERS))
            map_root(0, 0)
        except OSError as failure:
            raise Missing(f'no user namespace: {failure.strerror}') from failure
    return Ask(served(stage, 0o600), before=before)


def show_security_modules():
    """Mounts the list of them where a container does not have it; only root may."""
    if os.geteuid() == 0 and not os.path.exists('/sys/kernel/security/lsm'):
        unshare(NEW_MOUNTS)()
        mount('securityfs', '/sys/kernel/security', 'securityfs')


@situation('landlock_denies', 'EPERM', ('certain', 'likely', 'possible'))
def a_sandbox_forbids_abstract_names(stage):
    """Landlock forbids the client abstract names outside its sandbox."""
    stage.server(stage.name())
    return Ask(stage.name(), before=all_of(show_security_modules, forbid_abstract_names))


@situation('seccomp_denies', 'EAFNOSUPPORT')
def a_filter_forbids_unix_sockets(stage):
    """A filter of system calls (RestrictAddressFamilies=) forbids the client Unix sockets."""
    stage.server('app.sock')
    return Ask(stage.path('app.sock'), before=refuse_sockets(socket.AF_UNIX))


@situation('healthy', 'success')
def a_filter_forbids_netlink(stage):
    """A filter of system calls allows Unix sockets alone, and not the kernel's list of them."""
    stage.server('app.sock')
    return Ask(stage.path('app.sock'), before=refuse_sockets(socket.AF_NETLINK))


@situation('client_out_of_descriptors', 'EMFILE')
def the_client_has_no_descriptors_left(stage):
    """The client has as many descriptors open as it may, asked with --as-pid."""
    stage.server('app.sock')

    def use_up(ready):
        resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
        ready()
        with contextlib.suppress(OSError):
            while True:
                os.open('/dev/null', os.O_RDONLY)

    client = stage.child(use_up, name='client')
    until(lambda: len(os.listdir(f'/proc/{client.pid}/fd')) == 32, 'the last descriptor')

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    return Ask(stage.path('app.sock'), ('--as-pid', str(client.pid)), kernel_before=limit)


@situation('runtime_directory_of_other_user', 'EACCES')
def the_runtime_directory_is_of_another_user(stage):
    """XDG_RUNTIME_DIR is of the user from before su or sudo."""
    needs_root()
    directory = f'/run/user/{OWNER}'

    def log_in(ready):
        mount('tmpfs', '/run', 'tmpfs', data='mode=755')
        os.makedirs(directory, 0o755)
        os.chown(directory, OWNER, OWNER)
        os.chmod(directory, 0o700)
        ready()
    inside = join(stage.child(log_in, unshare(NEW_MOUNTS), name='login').pid, 'mnt')
    stage.server(f'{directory}/bus', before=inside)
    return Ask(f'{directory}/bus', before=all_of(inside, become(STRANGER)),
               env={'XDG_RUNTIME_DIR': directory})


@situation('user_logged_out', 'ENOENT')
def the_runtime_directory_is_gone(_):
    """The user has logged out, and the runtime directory is gone."""
    return Ask('/run/user/65529/bus', env={'XDG_RUNTIME_DIR': '/run/user/65529'})


@situation('no_permission_on_directory', 'EACCES')
def two_obstacles(stage):
    """The file denies the client, and so does its directory."""
    needs_root()
    os.mkdir('run')
    stage.server('run/app.sock', mode=0o600)
    os.chmod('run', 0o700)
    return Ask(stage.path('run/app.sock'), before=become(STRANGER))


@situation('no_permission_on_socket', 'EACCES')
def the_file_is_dead_and_denies(stage):
    """The file is stale, and denies the client as well."""
    needs_root()
    stage.stale('app.sock')
    os.chmod('app.sock', 0o600)
    return Ask(stage.path('app.sock'), before=become(STRANGER))
