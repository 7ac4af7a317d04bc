// SPDX-License-Identifier: Apache-2.0
#include "link/libnats.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace hallway::link {

namespace {

// The fields in which libnats reports the first line of a header.
constexpr const char* status_field = "Status";
constexpr const char* description_field = "Description";

std::string text_of(const char* text) { return text == nullptr ? std::string() : text; }

using Names =
    std::unique_ptr<const char*,
                    decltype([](const char** list) { std::free(static_cast<void*>(list)); })>;

Names names_in(natsMsg* message, int& count) {
  const char** names = nullptr;
  if (natsMsgHeader_Keys(message, &names, &count) != NATS_OK) count = 0;
  return Names(names);
}

Names values_of(natsMsg* message, const char* name, int& count) {
  const char** values = nullptr;
  if (natsMsgHeader_Values(message, name, &values, &count) != NATS_OK) count = 0;
  return Names(values);
}

}  // namespace

std::int64_t milliseconds(Duration time) {
  return std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

std::string without_position(std::string text) {
  const std::size_t end = text.find("): ");
  if (text.starts_with('(') && end != std::string::npos) text.erase(0, end + 3);
  return text;
}

std::string why(natsStatus status) {
  natsStatus last = NATS_OK;
  const std::string text = without_position(text_of(nats_GetLastError(&last)));
  return last == status && !text.empty() ? text : text_of(natsStatus_GetText(status));
}

natsStatus flush(natsConnection* connection, std::int64_t milliseconds) {
  natsConnection_FlushTimeout(connection, 0);  // sets the thread's last error to `before`
  constexpr natsStatus before = NATS_INVALID_TIMEOUT;
  const natsStatus status = natsConnection_FlushTimeout(connection, milliseconds);
  natsStatus last = before;
  nats_GetLastError(&last);
  return status == NATS_OK && last != before ? last : status;
}

NatsMessage to_nats(const ForwardedMessage& message) {
  natsMsg* made = nullptr;
  natsStatus status = natsMsg_Create(
      &made, message.subject.c_str(), message.reply.empty() ? nullptr : message.reply.c_str(),
      message.payload.data(), static_cast<int>(message.payload.size()));
  NatsMessage owned(made);
  for (const auto& [name, value] : message.header) {
    if (status == NATS_OK) status = natsMsgHeader_Add(made, name.c_str(), value.c_str());
  }
  return status == NATS_OK ? std::move(owned) : nullptr;
}

ForwardedMessage from_nats(natsMsg* message, ForwardedMessage::Source way) {
  ForwardedMessage made{
      .subject = text_of(natsMsg_GetSubject(message)),
      .reply = text_of(natsMsg_GetReply(message)),
      .payload = std::string(natsMsg_GetData(message),
                             static_cast<std::size_t>(natsMsg_GetDataLength(message))),
      .source = way};
  int names = 0;
  const Names list = names_in(message, names);
  for (int i = 0; i < names; ++i) {
    const char* const name = list.get()[i];
    int values = 0;
    const Names all = values_of(message, name, values);
    for (int k = 0; k < values; ++k) made.header.emplace_back(name, text_of(all.get()[k]));
  }
  std::string description;
  std::erase_if(made.header, [&](auto& field) {
    if (field.first == status_field) made.status = field.second;
    if (field.first == description_field) description = field.second;
    return field.first == status_field || field.first == description_field;
  });
  if (!made.status.empty() && !description.empty()) made.status += ' ' + description;
  return made;
}

}  // namespace hallway::link
