"""Situations of a name: nothing is there, another name is meant, another thing is there."""

import contextlib
import os

from _situation import Ask, situation
from _stage import BIND, NEW_MOUNTS, READ_ONLY, REMOUNT, mount, unshare


@situation('nothing_there', 'ENOENT')
def nothing_is_there(stage):
    """Nothing is at the path."""
    return Ask(stage.path('app.sock'))


@situation('misspelt_name', 'ENOENT', 'possible')
def a_letter_is_missing(stage):
    """The name has a typing error."""
    stage.server('metrics.sock')
    return Ask(stage.path('metrcs.sock'))


@situation('nothing_there', 'ENOENT')
def a_neighbour_lives(stage):
    """Another server listens in the same directory."""
    stage.server('worker.sock')
    return Ask(stage.path('app.sock'))


@situation('directory_missing', 'ENOENT')
def a_directory_is_missing(stage):
    """The directory is missing."""
    return Ask(stage.path('run/app.sock'))


@situation('directory_missing', 'ENOENT')
def several_directories_are_missing(stage):
    """Several directories of the path are missing."""
    os.mkdir('run')
    return Ask(stage.path('run/app/1/app.sock'))


@situation('path_through_file', 'ENOTDIR')
def a_directory_is_a_file(stage):
    """A file stands where the path has a directory."""
    stage.write('run')
    return Ask(stage.path('run/app.sock'))


@situation('path_through_file', 'ENOTDIR')
def the_path_goes_on_after_the_socket(stage):
    """The path goes on behind the socket."""
    stage.server('app.sock')
    return Ask(stage.path('app.sock/api'))


@situation('path_through_file', 'ENOTDIR')
def a_slash_follows_the_socket(stage):
    """A slash follows the name of the socket."""
    stage.server('app.sock')
    return Ask(stage.path('app.sock/'))


@situation('dangling_symlink', 'ENOENT')
def a_link_dangles(stage):
    """The path is a symbolic link to a name that is gone."""
    os.symlink('gone.sock', 'app.sock')
    return Ask(stage.path('app.sock'))


@situation('dangling_symlink', 'ENOENT')
def a_link_to_a_directory_dangles(stage):
    """A directory of the path is a symbolic link to a directory that is gone."""
    os.symlink('/nonexistent/run', 'run')
    return Ask(stage.path('run/app.sock'))


@situation('symlink_loop', 'ELOOP')
def links_loop(stage):
    """Two symbolic links lead to each other."""
    os.symlink('b.sock', 'app.sock')
    os.symlink('app.sock', 'b.sock')
    return Ask(stage.path('app.sock'))


@situation('symlink_loop', 'ELOOP')
def a_directory_links_to_itself(stage):
    """A directory of the path is a symbolic link to itself."""
    os.symlink('run', 'run')
    return Ask(stage.path('run/app.sock'))


@situation('stale_file', 'ECONNREFUSED')
def a_link_leads_to_a_stale_file(stage):
    """A symbolic link leads to the file of a server that has died."""
    stage.stale('real.sock')
    os.symlink('real.sock', 'app.sock')
    return Ask(stage.path('app.sock'))


@situation('misspelt_name', 'ENOENT', 'likely')
def a_blank_ends_the_name(stage):
    """The server bound a name with a blank at its end."""
    stage.server('proxysql.sock ')
    return Ask(stage.path('proxysql.sock'))


@situation('misspelt_name', 'ENOENT', 'likely')
def the_address_has_a_blank(stage):
    """The address has a newline at its end, the server's name does not."""
    stage.server('app.sock')
    return Ask(stage.path('app.sock\n'))


@situation('misspelt_name', 'ENOENT', 'likely')
def capital_letters_differ(stage):
    """The names differ in upper and lower case."""
    stage.server('App.sock')
    return Ask(stage.path('app.sock'))


@situation('misspelt_name', 'ENOENT', 'likely')
def a_letter_looks_alike(stage):
    """A Cyrillic letter stands in the server's name."""
    stage.server('\u0430pp.sock')
    return Ask(stage.path('app.sock'))


@situation('misspelt_name', 'ENOENT', 'likely')
def a_character_is_invisible(stage):
    """A zero-width space stands in the server's name."""
    stage.server('app\u200b.sock')
    return Ask(stage.path('app.sock'))


@situation('unexpanded_variable', 'ENOENT')
def a_variable_is_not_expanded(stage):
    """No shell has replaced the variable in the address."""
    return Ask('$XDG_RUNTIME_DIR/app.sock')


@situation('unexpanded_variable', 'ENOENT')
def a_tilde_is_not_expanded(stage):
    """No shell has replaced the tilde in the address."""
    return Ask('~/app.sock')


@situation('other_working_directory', 'ENOENT', 'likely')
def a_relative_name_is_of_another_directory(stage):
    """The server bound a relative name in its own working directory."""
    os.mkdir('run')
    stage.server(f'relative-{stage.token}.sock', before=lambda: os.chdir('run'))
    return Ask(f'relative-{stage.token}.sock')


@situation('path_or_abstract', 'ECONNREFUSED')
def an_abstract_name_is_a_file(stage):
    """The address is an abstract name, the server listens at a file of that name."""
    name = stage.name()
    stage.server('./' + name)
    return Ask(name)


@situation('path_or_abstract', 'ENOENT')
def a_file_is_an_abstract_name(stage):
    """The address is a path, the server listens at the abstract name."""
    name = stage.name()
    stage.server(name)
    return Ask('./' + name)


@situation('padded_abstract_name', 'ECONNREFUSED')
def an_abstract_name_is_padded(stage):
    """The server filled its abstract name up with null bytes."""
    name = stage.name()
    stage.server(b'\0' + name[1:].encode() + bytes(108 - len(name)))
    return Ask(name)


@situation('nothing_there', 'ECONNREFUSED')
def an_abstract_name_has_no_socket(stage):
    """No socket has the abstract name."""
    return Ask(stage.name())


@situation('path_cut_off', 'path too long')
def a_long_name_was_cut_off(stage):
    """The server cut the name off after 107 bytes."""
    name = stage.path('a' * 120)
    stage.server(name[:107])
    return Ask(name)


@situation('stale_file', 'ECONNREFUSED')
def the_server_died(stage):
    """The server has died and left its file."""
    stage.stale('app.sock')
    return Ask(stage.path('app.sock'))


@situation('stale_file', 'ECONNREFUSED')
def the_datagram_server_died(stage):
    """The server of a datagram socket has died and left its file."""
    stage.stale('app.sock', 'datagram')
    return Ask(stage.path('app.sock'), kind='datagram')


@situation('not_a_socket', 'ECONNREFUSED')
def a_file_is_there(stage):
    """A regular file is at the path."""
    stage.write('app.sock', 'text')
    return Ask(stage.path('app.sock'))


@situation('not_a_socket', 'ECONNREFUSED')
def a_fifo_is_there(stage):
    """A FIFO is at the path."""
    os.mkfifo('app.sock')
    return Ask(stage.path('app.sock'))


@situation('not_a_socket', 'ECONNREFUSED')
def a_directory_is_there(stage):
    """A directory is at the path."""
    os.mkdir('app.sock')
    stage.write('app.sock/file')
    return Ask(stage.path('app.sock'))


@situation('not_a_socket', 'ECONNREFUSED')
def an_empty_directory_is_there(stage):
    """An empty directory is at the path, as Docker makes it for a missing volume."""
    os.mkdir('docker.sock')
    return Ask(stage.path('docker.sock'))


@situation('not_a_socket', ('ECONNREFUSED', 'EACCES'))
def a_device_is_there(stage):
    """A device is at the path."""
    return Ask('/dev/null')


@situation('name_deleted', 'ENOENT')
def the_name_was_deleted(stage):
    """The server lives, its name was deleted."""
    stage.server(stage.path('app.sock'))
    os.unlink('app.sock')
    return Ask(stage.path('app.sock'))


@situation('name_deleted', 'ECONNREFUSED')
def the_name_was_replaced(stage):
    """The server lives, and the file of another, dead server has taken its name."""
    stage.server(stage.path('app.sock'))
    os.unlink('app.sock')
    stage.stale(stage.path('app.sock'))
    return Ask(stage.path('app.sock'))


@situation('name_deleted', 'ENOENT')
def the_directory_was_deleted(stage):
    """The server lives, its directory was deleted."""
    os.mkdir('run')
    stage.server(stage.path('run/app.sock'))
    os.unlink('run/app.sock')
    os.rmdir('run')
    return Ask(stage.path('run/app.sock'))


@situation('renamed', 'ENOENT')
def the_name_was_changed(stage):
    """The socket file was renamed."""
    stage.server(stage.path('app.sock'))
    os.rename('app.sock', 'app.sock.old')
    return Ask(stage.path('app.sock'))


@situation('healthy, two_servers', 'success')
def two_servers_have_one_name(stage):
    """Two servers have bound the same name, and the second one has replaced the file."""
    stage.server(stage.path('app.sock'), name='old')
    os.unlink('app.sock')
    stage.server(stage.path('app.sock'), name='new')
    return Ask(stage.path('app.sock'))


@situation('working_directory_removed', 'ENOENT')
def the_working_directory_is_gone(stage):
    """The address is relative, and the working directory was removed."""
    os.mkdir('gone')

    def before():
        with contextlib.suppress(FileExistsError):
            os.mkdir('gone')
        os.chdir('gone')
        os.rmdir('../gone')
    return Ask('app.sock', before=before)


@situation('healthy, read_only_mount', 'success')
def a_read_only_mount_stops_nobody(stage):
    """The file system is mounted read-only, without devices and programs."""
    stage.server('app.sock')

    def before():
        unshare(NEW_MOUNTS)()
        mount('.', stage.directory, flags=BIND)
        mount('.', stage.directory, flags=REMOUNT | BIND | READ_ONLY | 2 | 4 | 8)
        os.chdir(stage.directory)
    return Ask(stage.path('app.sock'), before=before)


@situation('healthy', 'success')
def a_server_serves(stage):
    """A server accepts its clients."""
    stage.server('app.sock')
    return Ask(stage.path('app.sock'))


@situation('healthy', 'success')
def a_link_leads_to_a_server(stage):
    """A symbolic link leads to a server."""
    stage.server('real.sock')
    os.symlink('real.sock', 'app.sock')
    return Ask(stage.path('app.sock'))


@situation('healthy', 'success')
def an_abstract_name_is_served(stage):
    """A server accepts its clients at an abstract name."""
    stage.server(stage.name())
    return Ask(stage.name())


@situation('healthy', 'success')
def packets_are_served(stage):
    """A server of a seqpacket socket accepts its clients."""
    stage.server('app.sock', kind='seqpacket')
    return Ask(stage.path('app.sock'), kind='seqpacket')


@situation('healthy', 'success')
def datagrams_are_received(stage):
    """A process receives datagrams."""
    stage.server('app.sock', kind='datagram')
    return Ask(stage.path('app.sock'), kind='datagram')


@situation('healthy, path_too_long_for_others', 'success')
def a_long_path_is_served(stage):
    """A server listens at a path longer than 107 bytes."""
    deep = 'b' * 60
    os.makedirs(f'{deep}/{deep}')

    def in_it():
        os.chdir(f'{deep}/{deep}')
    stage.server('app.sock', before=in_it)
    return Ask(stage.path(f'{deep}/{deep}/app.sock'), kernel_before=in_it, kernel_address='app.sock')
