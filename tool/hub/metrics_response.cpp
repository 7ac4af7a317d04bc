// SPDX-License-Identifier: Apache-2.0
#include "hub/metrics_response.hpp"

#include <prometheus/text_serializer.h>

namespace hallway::tool {

std::string metrics_response(const HttpRequestHead& request, const CollectMetrics& collect) {
  using State = HttpRequestHead::State;
  if (request.state() == State::too_many_lines) {
    return http_response("400 Bad Request", "text/plain", "too many lines\n");
  }
  if (request.state() != State::whole) return {};
  const HttpTarget target = read_http_target(request.first_line());
  const bool with_body = target.method != "HEAD";
  if (with_body && target.method != "GET") {
    return http_response("405 Method Not Allowed", "text/plain", "only GET and HEAD\n");
  }
  if (target.path != "/metrics") {
    return http_response("404 Not Found", "text/plain", "metrics are at /metrics\n", with_body);
  }
  return http_response("200 OK", "text/plain; version=0.0.4; charset=utf-8",
                       prometheus::TextSerializer().Serialize(collect()), with_body);
}

}  // namespace hallway::tool
