// SPDX-License-Identifier: Apache-2.0
#include "hub/tcp_metrics.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <hallway/descriptor.hpp>
#include <hallway/semaphore.hpp>
#include <hallway/task_scope.hpp>
#include <hallway/when_any.hpp>

#include "io/ip_address.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

/// Pause before the next attempt to accept, after descriptors or memory ran out.
constexpr Duration pause = std::chrono::milliseconds(100);

/// An address in the kernel's form, and its size.
struct SocketName {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketName name_of(const IpEndpoint& endpoint) {
  SocketName name;
  const auto write = [&name](auto address) {
    std::memcpy(&name.storage, &address, sizeof address);
    name.size = sizeof address;
  };
  if (endpoint.is_v6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(endpoint.port);
    inet_pton(AF_INET6, endpoint.host.c_str(), &address.sin6_addr);
    write(address);
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    inet_pton(AF_INET, endpoint.host.c_str(), &address.sin_addr);
    write(address);
  }
  return name;
}

/// The port of a listening socket, which the kernel chose if it was 0.
std::uint16_t port_of(const Descriptor& socket, std::uint16_t otherwise) {
  SocketName name;
  if (getsockname(socket.get(), name.raw(), &name.size) < 0) return otherwise;
  // IPv4 and IPv6 addresses have their port at the same offset.
  sockaddr_in address{};
  std::memcpy(&address, &name.storage, sizeof address);
  return ntohs(address.sin_port);
}

Error failure(int code, const TcpAddress& address, const IpEndpoint& endpoint) {
  Error error = error_of(code, "listen", write_metrics_address(address));
  switch (code) {
    case EADDRINUSE: error.reason = "the port is in use by another socket"; break;
    case EADDRNOTAVAIL: error.reason = endpoint.host + " is not an address of this machine"; break;
    case EAFNOSUPPORT: error.reason = "this machine has no IPv6"; break;
    case EACCES: error.reason = fmt::format("permission denied for port {}", endpoint.port); break;
    default: break;
  }
  return error;
}

Result<Descriptor> listen_at(const TcpAddress& address, const IpEndpoint& endpoint) {
  const auto failed = [&] { return std::unexpected(failure(errno, address, endpoint)); };
  const int family = endpoint.is_v6 ? AF_INET6 : AF_INET;
  const int number = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (number < 0) return failed();
  auto listener = Descriptor::adopt(number);
  // A server that ended recently may have left connections in TIME_WAIT on its port.
  const int yes = 1;
  if (setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0) return failed();
  SocketName name = name_of(endpoint);
  if (bind(listener.get(), name.raw(), name.size) < 0) return failed();
  if (listen(listener.get(), SOMAXCONN) < 0) return failed();
  return listener;
}

/// A client with its one request. Destroying it disconnects the client.
class Client {
 public:
  Client(Loop& loop, Descriptor socket) : loop_(&loop), socket_(std::move(socket)) {}

  /// Completes when the client has the response and has closed the connection.
  Task<> serve(const CollectMetrics& collect) {
    HttpRequestHead request;
    while (request.state() == HttpRequestHead::State::unfinished) {
      co_await loop_->readable(socket_.get());
      if (!read_some(&request)) break;
    }
    const std::string response = metrics_response(request, collect);
    std::string_view rest = response;
    while (!rest.empty()) {
      co_await loop_->writable(socket_.get());
      if (!write_some(rest)) break;
    }
    // Closing with unread bytes would reset the connection, and the client could lose the response
    // (RFC 9112, 9.6).
    shutdown(socket_.get(), SHUT_WR);
    do {
      co_await loop_->readable(socket_.get());
    } while (read_some(nullptr));
  }

 private:
  /// @return false at the end of the stream or after an error
  bool read_some(HttpRequestHead* request) {
    std::array<char, 4 * kibibyte> buffer;
    const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (request != nullptr) request->take({buffer.data(), static_cast<std::size_t>(got)});
    return got > 0;
  }

  /// @return false if nothing more can be sent
  bool write_some(std::string_view& rest) {
    const ssize_t sent =
        ::send(socket_.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    rest.remove_prefix(static_cast<std::size_t>(sent));
    return true;
  }

  Loop* loop_;
  Descriptor socket_;
};

class TcpMetricsServer final : public MetricsServer {
 public:
  TcpMetricsServer(Loop& loop, Descriptor listener, std::string address, CollectMetrics collect)
      : loop_(&loop),
        listener_(std::move(listener)),
        address_(std::move(address)),
        collect_(std::move(collect)),
        places_(loop, max_metrics_clients),
        tasks_(loop) {
    tasks_.spawn(accept_all());
  }

  [[nodiscard]] std::string address() const override { return address_; }

 private:
  /// @param place  held until the task ends
  Task<> serve(Descriptor socket, [[maybe_unused]] Semaphore::Permit place) {
    try {
      Client client(*loop_, std::move(socket));
      co_await with_timeout(client.serve(collect_), metrics_request_time);
    } catch (const std::bad_alloc&) {
      // This client gets no answer, but later clients may.
    }
  }

  Task<> accept_all() {
    for (;;) {
      bool short_of_something = false;
      try {
        auto place = co_await places_.acquire();
        co_await loop_->readable(listener_.get());
        const int number = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        short_of_something = number < 0 && errno != EAGAIN && errno != EINTR &&
                             errno != ECONNABORTED && errno != EPERM;
        if (number >= 0) tasks_.spawn(serve(Descriptor::adopt(number), std::move(place)));
      } catch (const std::bad_alloc&) {
        short_of_something = true;
      }
      if (short_of_something) co_await loop_->sleep(pause);
    }
  }

  Loop* loop_;
  Descriptor listener_;
  std::string address_;
  CollectMetrics collect_;
  Semaphore places_;
  TaskScope tasks_;
};

}  // namespace

Result<std::unique_ptr<MetricsServer>> open_tcp_metrics(Loop& loop, const TcpAddress& address,
                                                        CollectMetrics collect) {
  const auto endpoint = read_ip_endpoint(address.text);
  if (!endpoint) {
    return std::unexpected(error_of(std::errc::invalid_argument, "listen",
                                    write_metrics_address(address),
                                    "not an IP address and a port"));
  }
  auto listener = listen_at(address, *endpoint);
  if (!listener) return std::unexpected(listener.error());
  const std::string host = endpoint->is_v6 ? "[" + endpoint->host + "]" : endpoint->host;
  std::string where = fmt::format("tcp:{}:{}", host, port_of(*listener, endpoint->port));
  return std::make_unique<TcpMetricsServer>(loop, std::move(*listener), std::move(where),
                                            std::move(collect));
}

}  // namespace hallway::tool
