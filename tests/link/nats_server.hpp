// SPDX-License-Identifier: Apache-2.0
//
// A real nats-server on the loopback, with ports of its own choice.
#pragma once

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/processes.hpp"
#include "support/temp_directory.hpp"

namespace hallway::test {

class NatsServer {
 public:
  /// @param settings  lines for its config file, besides where it listens
  explicit NatsServer(std::string settings = {}) : settings_(std::move(settings)) { start(); }

  /// In a new process, where it was before, if it was anywhere.
  void start() {
    const std::string config = directory_ / "config";
    std::ofstream(config) << "host: 127.0.0.1\nport: " << (port_.empty() ? "-1" : port_)
                          << "\nports_file_dir: \"" << directory_.path() << "\"\n"
                          << settings_;
    const std::string log = directory_ / "log";
    process_.emplace([&](const ForkedProcess::Say&) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // also when the test aborts
      const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      ::dup2(file, STDOUT_FILENO);
      ::dup2(file, STDERR_FILENO);
      ::execlp("nats-server", "nats-server", "-c", config.c_str(), nullptr);
      ::execl("/usr/sbin/nats-server", "nats-server", "-c", config.c_str(), nullptr);
      ::_exit(126);
    });
  }

  /// Whether it has said where it listens.
  bool ready() {
    const std::string text =
        contents(directory_ / ("nats-server_" + std::to_string(process_->pid()) + ".ports"));
    if (!text.contains('}')) return false;
    port_ = port_in(text, "\"nats\"");
    cluster_port_ = port_in(text, "\"cluster\"");
    return !port_.empty();
  }

  void kill() { process_->kill(); }

  /// Another process, where it was before, with other lines in its config file.
  void replace(std::string settings) {
    kill();
    settings_ = std::move(settings);
    start();
  }
  void signal(int number) const { ::kill(process_->pid(), number); }

  [[nodiscard]] std::string url(const std::string& who = {}) const {
    return "nats://" + (who.empty() ? "" : who + "@") + "127.0.0.1:" + port_;
  }
  [[nodiscard]] std::string route() const { return "nats://127.0.0.1:" + cluster_port_; }
  [[nodiscard]] std::string log() const { return contents(directory_ / "log"); }
  [[nodiscard]] const TempDirectory& directory() const noexcept { return directory_; }

 private:
  static std::string contents(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static std::string port_in(const std::string& text, const std::string& name) {
    const std::size_t list = text.find(name);
    if (list == std::string::npos) return {};
    const std::string one = text.substr(list, text.find(']', list) - list);
    const std::size_t colon = one.rfind(':');
    return one.substr(colon + 1, one.find('"', colon) - colon - 1);
  }

  TempDirectory directory_;
  std::string settings_;
  std::string port_;
  std::string cluster_port_;
  std::optional<ForkedProcess> process_;
};

}  // namespace hallway::test
