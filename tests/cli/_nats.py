"""nats-server, where it is installed, for hubs that are linked to one."""

import atexit
import json
import os
import shutil
import subprocess

from _support import skip, until

PROGRAM = shutil.which('nats-server', path=os.environ.get('PATH', '') + ':/usr/sbin')
if PROGRAM is None:
    skip('nats-server is missing')


class NatsServer:
    """One that listens at `host`, on a port that it chooses unless one is named."""

    def __init__(self, name, settings='', host='127.0.0.1', port=-1, prefix=()):
        self.config, self.prefix = f'{name}.conf', prefix
        with open(self.config, 'w') as file:
            file.write(f'host: "{host}"\nport: {port}\nports_file_dir: "{os.getcwd()}"\n'
                       f'server_name: "{name}"\n{settings}')
        self.start()

    def start(self):
        with open(f'{self.config}.log', 'ab') as log:
            # It ends with this test, also when that is killed.
            self.process = subprocess.Popen(
                [*self.prefix, 'setpriv', '--pdeathsig', 'KILL', PROGRAM, '-c', self.config],
                stdout=log, stderr=log)
        atexit.register(self.kill)
        ports = f'nats-server_{self.process.pid}.ports'
        until(lambda: os.path.exists(ports) and open(ports).read().endswith('}'), 'nats-server')
        self.url = json.load(open(ports))['nats'][0]

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
