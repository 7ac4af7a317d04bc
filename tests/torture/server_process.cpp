// SPDX-License-Identifier: Apache-2.0
#include "torture/server_process.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>

namespace hallway::torture {

namespace {

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  return {Descriptor::adopt(ends[0]), Descriptor::adopt(ends[1])};
}

void be_ready(Descriptor& ready) {
  [[maybe_unused]] const ssize_t written = ::write(ready.get(), "\n", 1);
  ready.close();
}

void note_allocated(Events& events) {
  const auto info = ::mallinfo2();
  events.allocated = info.uordblks + info.hblkhd;
  ++events.accounts;
}

/// @param open  gives what serves on a loop, or an error
template <typename Open>
[[noreturn]] void serve(Descriptor& ready, Events& events, Open open) {
  int status = 1;
  {
    Loop loop;
    const auto claimed = loop.drain_on({SIGTERM});
    const auto asked = loop.on_signal(SIGUSR1, [&events] { note_allocated(events); });
    auto server = open(loop);
    if (claimed && asked && server) {
      be_ready(ready);
      status = loop.run();
    }
  }
  ::_exit(status);
}

Result<Server> open_server(Loop& loop, const std::string& path, ServerProcess::Library& library) {
  if (library.descriptor_limit > 0) {
    const rlimit limit{library.descriptor_limit, library.descriptor_limit};
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  auto server = Server::open(loop, path, std::move(library.handler), std::move(library.options));
  if (server && library.also) library.also(loop, *server);
  return server;
}

[[noreturn]] void execute(Descriptor& ready, const std::string& path,
                          const ServerProcess::Command& command) {
  std::vector<std::string> words{command_path(), "serve",      path, "--quiet",
                                 "--no-print",   "--ready-fd", "3"};
  words.insert(words.end(), command.flags.begin(), command.flags.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  // Without close-on-exec, which dup2() leaves in place where both numbers are one.
  const int copy = ::fcntl(ready.get(), F_DUPFD_CLOEXEC, 10);
  ::dup2(copy, 3);
  ::execv(words[0].c_str(), arguments.data());
  ::_exit(126);
}

}  // namespace

void Events::note(const ServerEvent& event) {
  switch (event.kind) {
    case ServerEvent::Kind::connected: ++connected; break;
    case ServerEvent::Kind::turned_away: ++turned_away; break;
    case ServerEvent::Kind::closed:
      ++closed;
      dropped += event.counters.dropped;
      break;
    case ServerEvent::Kind::accepting_paused: ++paused; break;
    default: break;
  }
}

ServerProcess::ServerProcess(const std::string& path, Library library) {
  library.options.on_event = [this](const ServerEvent& event) { events().note(event); };
  start([&](Descriptor& ready) {
    serve(ready, events(), [&](Loop& loop) { return open_server(loop, path, library); });
  });
}

ServerProcess::ServerProcess(const std::string& path, HubOptions options) {
  options.on_event = [this](const ServerEvent& event) { events().note(event); };
  start([&](Descriptor& ready) {
    serve(ready, events(), [&](Loop& loop) { return Hub::start(loop, path, std::move(options)); });
  });
}

ServerProcess::ServerProcess(const std::string& path, Command command) {
  start([&](Descriptor& ready) { execute(ready, path, command); });
}

void ServerProcess::start(const std::function<void(Descriptor& ready)>& run) {
  Pipe pipe = make_pipe();
  process_ = std::make_unique<test::ForkedProcess>([&](const auto&) {
    pipe.read.close();
    run(pipe.write);
  });
  ready_ = std::move(pipe.read);
}

bool ServerProcess::serving() {
  char byte = 0;
  const bool told = ::read(ready_.get(), &byte, 1) == 1;
  return told && ::read(ready_.get(), &byte, 1) == 0;  // it has closed its end
}

std::size_t ServerProcess::allocated_kib() const {
  const std::uint64_t before = events().accounts;
  signal(SIGUSR1);
  if (!eventually([&] { return events().accounts > before; })) {
    throw std::runtime_error("the server gave no account of its memory");
  }
  return events().allocated / kibibyte;
}

int ServerProcess::wait() {
  const int status = process_->wait();
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int ServerProcess::terminate() {
  signal(SIGTERM);
  return wait();
}

std::string command_path() {
  const char* path = std::getenv("HALLWAY");
  return path == nullptr ? "" : path;
}

}  // namespace hallway::torture
