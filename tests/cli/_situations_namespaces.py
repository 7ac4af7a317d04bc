"""Situations of namespaces: the server and the client do not see the same files, or the same names."""

import os

from _situation import Ask, situation
from _stage import (BIND, NEW_MOUNTS, NEW_NETWORK, NO_LINKS, all_of,
                    enter_pid_namespace, join, mount, needs_root, unshare)


def box(stage, *mounts):
    """A process with mounts of its own: (source, target, type, flags, data)."""
    def act(ready):
        for arguments in mounts:
            mount(*arguments)
        ready()
    return stage.child(act, unshare(NEW_MOUNTS), name='box')


@situation('server_private_tmp', 'ENOENT')
def the_server_has_a_private_tmp(stage):
    """The server has a /tmp of its own (PrivateTmp=)."""
    name = f'/tmp/hallway-{stage.token}.sock'
    stage.server(name, before=all_of(unshare(NEW_MOUNTS), lambda: mount('tmpfs', '/tmp', 'tmpfs')))
    return Ask(name)


@situation('server_other_mounts', 'ENOENT')
def the_server_has_a_private_directory(stage):
    """The server has a file system of its own mounted on the directory."""
    os.mkdir('data')
    here = stage.path('data')
    stage.server(here + '/app.sock',
                 before=all_of(unshare(NEW_MOUNTS), lambda: mount('tmpfs', here, 'tmpfs')))
    return Ask(here + '/app.sock')


@situation('subject_other_mounts', 'ENOENT')
def the_client_has_a_private_directory(stage):
    """The client has a file system of its own mounted on the directory, asked with --as-pid."""
    needs_root()
    os.mkdir('data')
    here = stage.path('data')
    stage.server(here + '/app.sock')
    client = box(stage, ('tmpfs', here, 'tmpfs'))
    return Ask(here + '/app.sock', ('--as-pid', str(client.pid)), kernel_before=join(client.pid, 'mnt'))


@situation('symlink_not_followed', 'ELOOP')
def links_are_not_followed(stage):
    """A symbolic link is on a file system that is mounted with nosymfollow."""
    stage.server('app.sock')
    os.mkdir('links')
    links = stage.path('links')

    def act(ready):
        mount('tmpfs', links, 'tmpfs', NO_LINKS)
        os.symlink(stage.path('app.sock'), links + '/app.sock')
        ready()
    inside = stage.child(act, unshare(NEW_MOUNTS), name='box')
    return Ask(links + '/app.sock', before=join(inside.pid, 'mnt'))


@situation('dead_bind_mount', 'ECONNREFUSED')
def the_mounted_file_is_dead(stage):
    """The socket file itself is mounted, and the server has replaced it by a new one since."""
    old = stage.server('app.sock')
    stage.write('mounted.sock')
    inside = box(stage, (stage.path('app.sock'), stage.path('mounted.sock'), None, BIND))
    old.end()
    os.unlink('app.sock')
    stage.server('app.sock')
    return Ask(stage.path('mounted.sock'), before=join(inside.pid, 'mnt'))


@situation('healthy', 'success')
def the_mounted_file_lives(stage):
    """The socket file itself is mounted, and the server lives."""
    stage.server('app.sock')
    stage.write('mounted.sock')
    inside = box(stage, (stage.path('app.sock'), stage.path('mounted.sock'), None, BIND))
    return Ask(stage.path('mounted.sock'), before=join(inside.pid, 'mnt'))


def overlay(stage):
    """A process that sees the directory "merged" made of "lower" and "upper"."""
    for name in ('lower', 'upper', 'work', 'merged'):
        os.mkdir(name)
    return box(stage, ('overlay', stage.path('merged'), 'overlay', 0,
                       ','.join(f'{name}dir={stage.path(name)}' for name in ('lower', 'upper', 'work'))))


@situation('socket_in_overlay_layer', 'ECONNREFUSED')
def the_server_is_in_a_lower_layer(stage):
    """The server's socket is in a lower layer of an overlay, as in the image of a container."""
    inside = overlay(stage)
    stage.server(stage.path('lower/app.sock'))
    return Ask(stage.path('merged/app.sock'), before=join(inside.pid, 'mnt'))


@situation('path_in_overlay_layer', 'ECONNREFUSED')
def the_path_is_an_upper_layer(stage):
    """The server is in a container, and the path is the upper layer of the container's overlay."""
    inside = overlay(stage)
    stage.server(stage.path('merged/app.sock'), before=join(inside.pid, 'mnt'))
    return Ask(stage.path('upper/app.sock'))


@situation('other_network_namespace', 'ECONNREFUSED')
def the_abstract_name_is_in_another_namespace(stage):
    """A process in another network namespace listens at the abstract name."""
    stage.server(stage.name(), before=unshare(NEW_NETWORK))
    return Ask(stage.name())


@situation('other_network_namespace', 'ECONNREFUSED')
def the_client_is_in_another_namespace(stage):
    """The client is in another network namespace than the abstract name, asked with --as-pid."""
    needs_root()
    stage.server(stage.name())
    client = stage.idle(unshare(NEW_NETWORK), name='client')
    return Ask(stage.name(), ('--as-pid', str(client.pid)), kernel_before=join(client.pid, 'net'))


@situation('healthy, listens_in_other_network_namespace', 'success')
def the_path_leads_into_another_namespace(stage):
    """A server in another network namespace listens at the path."""
    stage.server(stage.path('app.sock'), before=unshare(NEW_NETWORK))
    return Ask(stage.path('app.sock'))


@situation('healthy, listens_in_other_network_namespace', 'success')
def the_same_without_a_probe(stage):
    """The same, with --no-probe."""
    stage.server(stage.path('app.sock'), before=unshare(NEW_NETWORK))
    return Ask(stage.path('app.sock'), ('--no-probe',))


@situation('not_listening', 'ECONNREFUSED')
def a_server_there_does_not_listen_yet(stage):
    """A process in another network namespace has bound its socket and does not listen yet."""
    stage.server(stage.path('app.sock'), before=unshare(NEW_NETWORK), listen=False)
    return Ask(stage.path('app.sock'))


@situation('healthy, peer_not_identified', 'success')
def the_server_has_no_pid_here(stage):
    """The server is in a pid namespace that the client cannot see."""
    stage.server(stage.path('app.sock'))
    return Ask(stage.path('app.sock'), before=enter_pid_namespace)


@situation('other_root', 'ENOENT')
def the_client_has_another_root(stage):
    """The client runs in a changed root directory, asked with --as-pid."""
    needs_root()
    os.mkdir('root')
    stage.server(stage.path('app.sock'))
    client = stage.idle(lambda: os.chroot(stage.path('root')), name='client')
    return Ask(stage.path('app.sock'), ('--as-pid', str(client.pid)),
               kernel_before=lambda: os.chroot(stage.path('root')))


@situation('healthy', 'success')
def the_server_has_another_root(stage):
    """The server runs in a changed root directory, and the client knows the whole path."""
    needs_root()
    os.mkdir('root')
    stage.server('/app.sock', before=lambda: os.chroot(stage.path('root')))
    return Ask(stage.path('root/app.sock'))


@situation('other_root', 'ENOENT')
def the_name_is_below_the_root_of_the_server(stage):
    """The server runs in a changed root directory, and the client uses the name that it bound."""
    needs_root()
    os.mkdir('root')
    name = f'/hallway-{stage.token}.sock'
    stage.server(name, before=lambda: os.chroot(stage.path('root')))
    return Ask(name)


