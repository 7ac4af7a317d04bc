// SPDX-License-Identifier: Apache-2.0
#include "hub.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/hub_client.hpp>

#include "arguments.hpp"
#include "awaitable.hpp"
#include "error.hpp"
#include "guest.hpp"
#include "object.hpp"
#include "outcome.hpp"

namespace hallway::python {

namespace {

constexpr auto what = "this client of a hub";

// Messages ---------------------------------------------------------------------------------------

PyTypeObject* message_type = nullptr;

struct MessageState {
  explicit MessageState(hub::Message taken) noexcept : message(std::move(taken)) {}

  hub::Message message;
};

PyObject* make_message(hub::Message message) noexcept {
  return make_object<MessageState>(message_type, std::move(message));
}

const hub::Message& message_of(PyObject* self) noexcept {
  return state_of<MessageState>(self).message;
}

PyObject* get_subject(PyObject* self, void* /*unused*/) {
  return to_text(message_of(self).subject());
}
PyObject* get_reply(PyObject* self, void* /*unused*/) { return to_text(message_of(self).reply()); }
PyObject* get_payload(PyObject* self, void* /*unused*/) {
  return to_bytes(message_of(self).payload());
}
PyObject* get_status(PyObject* self, void* /*unused*/) {
  return guarded([&] { return to_text(message_of(self).status()); });
}
PyObject* get_description(PyObject* self, void* /*unused*/) {
  return guarded([&] { return to_text(message_of(self).description()); });
}

PyObject* get_fields(PyObject* self, void* /*unused*/) {
  return guarded([&]() -> PyObject* {
    Reference list = Reference::adopt(PyList_New(0));
    if (!list) return nullptr;
    for (const auto& [name, value] : message_of(self).header()) {
      const Reference key = Reference::adopt(to_text(name));
      const Reference text = Reference::adopt(to_text(value));
      const Reference field =
          Reference::adopt(key && text ? PyTuple_Pack(2, key.get(), text.get()) : nullptr);
      if (!field || PyList_Append(list.get(), field.get()) < 0) return nullptr;
    }
    return list.release();
  });
}

PyObject* get_header(PyObject* self, void* /*unused*/) {
  return guarded([&]() -> PyObject* {
    Reference dict = Reference::adopt(PyDict_New());
    if (!dict) return nullptr;
    for (const auto& [name, value] : message_of(self).header()) {
      const Reference key = Reference::adopt(to_text(name));
      const Reference text = Reference::adopt(to_text(value));
      if (!key || !text) return nullptr;
      const int present = PyDict_Contains(dict.get(), key.get());
      if (present < 0 || (present == 0 && PyDict_SetItem(dict.get(), key.get(), text.get()) < 0))
        return nullptr;
    }
    return dict.release();
  });
}

Py_ssize_t message_size(PyObject* self) {
  return static_cast<Py_ssize_t>(message_of(self).payload().size());
}

PyObject* message_to_bytes(PyObject* self, PyObject* /*unused*/) {
  return get_payload(self, nullptr);
}

PyObject* represent_message(PyObject* self) {
  const Reference subject = Reference::adopt(get_subject(self, nullptr));
  const Reference payload = Reference::adopt(get_payload(self, nullptr));
  if (!subject || !payload) return nullptr;
  return PyUnicode_FromFormat("<HubMessage %R: %R>", subject.get(), payload.get());
}

PyMethodDef message_methods[] = {
    {"__bytes__", method(message_to_bytes), METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef message_members[] = {
    {"subject", get_subject, nullptr, "The subject it was published to.", nullptr},
    {"reply", get_reply, nullptr, "The subject for an answer; empty: none is wanted.", nullptr},
    {"payload", get_payload, nullptr, "The bytes that were published.", nullptr},
    {"header", get_header, nullptr, "A dict of the header; of a repeated name, the first value.",
     nullptr},
    {"fields", get_fields, nullptr, "The header as a list of (name, value).", nullptr},
    {"status", get_status, nullptr, "A status such as '503', sent instead of an answer.", nullptr},
    {"description", get_description, nullptr, "The text after the status.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot message_slots[] = {
    {Py_tp_dealloc, slot(destroy_object<MessageState>)},
    {Py_tp_new, slot(refuse_new)},
    {Py_tp_repr, slot(represent_message)},
    {Py_sq_length, slot(message_size)},
    {Py_tp_methods, message_methods},
    {Py_tp_getset, message_members},
    {Py_tp_doc, const_cast<char*>("A message from a hub.")},
    {0, nullptr},
};

PyType_Spec message_spec = {"hallway._core.HubMessage", sizeof(Object<MessageState>), 0,
                            Py_TPFLAGS_DEFAULT, message_slots};

// Subscriptions ----------------------------------------------------------------------------------

PyTypeObject* subscription_type = nullptr;

/// The part that lives on the loop.
struct SubscriptionCore {
  explicit SubscriptionCore(hub::Subscription made) noexcept : subscription(std::move(made)) {}

  hub::Subscription subscription;
  std::optional<hub::Received> front;  // what a task has waited for, until it is taken
};

class SubscriptionState final : public Source {
 public:
  SubscriptionState(PyObject* guest, PyObject* hub, std::unique_ptr<SubscriptionCore> made) noexcept
      : Source(guest), core(std::move(made)), hub_(Reference::borrow(hub)) {}
  SubscriptionState(const SubscriptionState&) = delete;
  SubscriptionState& operator=(const SubscriptionState&) = delete;
  ~SubscriptionState() override {
    if (core) guest().dispose(std::move(core));
  }

  PyObject* take(Take kind, const Room* /*room*/) override {
    hub::Received received = next();
    const Outcome outcome = received.outcome();
    if (outcome == Outcome::would_block) return nullptr;
    if (outcome != Outcome::ok) {
      if (outcome == Outcome::end_of_stream) return end_of(kind, received.error());
      if (outcome == Outcome::closed && (kind == Take::next || kind == Take::next_batch))
        return end_of(kind, {});
      return raise(outcome, received.error());
    }
    const bool one = kind != Take::batch && kind != Take::next_batch;
    Reference first = Reference::adopt(make_message(*received));
    if (one || !first) return first.release();
    Reference list = Reference::adopt(PyList_New(0));
    while (list && first) {
      if (PyList_Append(list.get(), first.get()) < 0) return nullptr;
      if (core->subscription.waiting() == 0) return list.release();
      received = core->subscription.try_receive();
      // An end that comes meanwhile is given to the next receive.
      if (!received) {
        if (received.outcome() != Outcome::would_block) core->front.emplace(std::move(received));
        return list.release();
      }
      first = Reference::adopt(make_message(*received));
    }
    return nullptr;
  }

  void forget_timeout() noexcept override {
    if (core->front && core->front->outcome() == Outcome::timed_out) core->front.reset();
  }

  std::unique_ptr<SubscriptionCore> core;

 private:
  hub::Received next() const {
    if (!core->front) return core->subscription.try_receive();
    hub::Received received = std::move(*core->front);
    core->front.reset();
    return received;
  }

  Task<> wait(Duration within) override {
    SubscriptionCore* const waited = core.get();
    hub::Received received = co_await waited->subscription.receive(within);
    waited->front.emplace(std::move(received));
    woken();
  }

  Reference hub_;
};

SubscriptionState& subscription(PyObject* self) noexcept {
  return state_of<SubscriptionState>(self);
}

PyObject* receive_by(Take kind, const char* function, PyObject* self, PyObject* const* arguments,
                     Py_ssize_t positional, PyObject* keywords) {
  Duration within = forever;
  if (!read_timeout(function, arguments, positional, keywords, within)) return nullptr;
  return receive_from(self, subscription(self), kind, within);
}

PyObject* receive(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                  PyObject* keywords) {
  return receive_by(Take::message, "receive", self, arguments, positional, keywords);
}

PyObject* receive_many(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                       PyObject* keywords) {
  return receive_by(Take::batch, "receive_many", self, arguments, positional, keywords);
}

PyObject* next(PyObject* self) { return receive_from(self, subscription(self), Take::next); }

PyObject* next_batch(PyObject* self, PyObject* /*unused*/) {
  return receive_from(self, subscription(self), Take::next_batch);
}

PyObject* try_receive(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    SubscriptionState& state = subscription(self);
    if (!state.guest().check()) return nullptr;
    PyObject* const taken = state.take(Take::answer, nullptr);
    if (taken != nullptr || PyErr_Occurred() != nullptr) return taken;
    return none();
  });
}

PyObject* unsubscribe(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    SubscriptionState& state = subscription(self);
    if (!state.guest().check()) return nullptr;
    state.core->subscription.unsubscribe();
    if (!state.guest().request_turn(state.guest_object())) PyErr_Clear();  // the host is closed
    return none();
  });
}

PyObject* get_subscription_subject(PyObject* self, void* /*unused*/) {
  return to_text(subscription(self).core->subscription.subject());
}
PyObject* get_dropped(PyObject* self, void* /*unused*/) {
  return PyLong_FromUnsignedLongLong(subscription(self).core->subscription.dropped());
}
PyObject* get_waiting(PyObject* self, void* /*unused*/) {
  return PyLong_FromSize_t(subscription(self).core->subscription.waiting());
}

constexpr int fast = METH_FASTCALL | METH_KEYWORDS;

PyMethodDef subscription_methods[] = {
    {"receive", method(receive), fast,
     "receive($self, timeout=None)\n--\n\nAwait it: the next message, or None once the "
     "subscription has ended."},
    {"receive_many", method(receive_many), fast,
     "receive_many($self, timeout=None)\n--\n\nAwait it: a list of the messages that are there, at "
     "least one; empty once the\nsubscription has ended."},
    {"try_receive", method(try_receive), METH_NOARGS,
     "try_receive($self)\n--\n\nThe next message if one has arrived, otherwise None."},
    {"_next_batch", method(next_batch), METH_NOARGS, nullptr},
    {"unsubscribe", method(unsubscribe), METH_NOARGS,
     "unsubscribe($self)\n--\n\nEnds the subscription. Messages that have arrived can still be "
     "received."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef subscription_members[] = {
    {"subject", get_subscription_subject, nullptr, nullptr, nullptr},
    {"dropped", get_dropped, nullptr, nullptr, nullptr},
    {"waiting", get_waiting, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot subscription_slots[] = {
    {Py_tp_dealloc, slot(destroy_object<SubscriptionState>)},
    {Py_tp_new, slot(refuse_new)},
    {Py_am_aiter, slot(PyObject_SelfIter)},
    {Py_am_anext, slot(next)},
    {Py_tp_methods, subscription_methods},
    {Py_tp_getset, subscription_members},
    {0, nullptr},
};

PyType_Spec subscription_spec = {"hallway._core.Subscription", sizeof(Object<SubscriptionState>), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, subscription_slots};

// The client -------------------------------------------------------------------------------------

/// The part that lives on the loop.
struct HubCore {
  std::optional<hub::Client> client;
  Reference on_event;
  bool closed = false;
};

struct HubState {
  HubState(PyObject* guest, std::unique_ptr<HubCore> made) noexcept
      : user(guest), core(std::move(made)) {}
  HubState(const HubState&) = delete;
  HubState& operator=(const HubState&) = delete;
  ~HubState() {
    if (core) user.state().dispose(std::move(core));
  }

  [[nodiscard]] Guest& guest() const noexcept { return user.state(); }
  [[nodiscard]] bool check() const noexcept {
    if (!guest().check()) return false;
    if (!core->closed) return true;
    raise_closed(what);
    return false;
  }
  [[nodiscard]] hub::Client& client() const noexcept { return *core->client; }

  Guest::User user;
  std::unique_ptr<HubCore> core;
};

HubState& state(PyObject* self) noexcept { return state_of<HubState>(self); }

void report_event(Guest& guest, const HubCore& core, const hub::ClientEvent& event) {
  constexpr const char* kinds[] = {"disconnected", "reconnected", "complaint", "messages_lost",
                                   "given_up"};
  const Reference text = Reference::adopt(to_text(event.error.explain()));
  Reference made = Reference::adopt(
      text ? Py_BuildValue("(sO)", kinds[static_cast<std::size_t>(event.kind)], text.get())
           : nullptr);
  if (made) {
    guest.call_after_turn(core.on_event.get(), std::move(made));
  } else {
    guest.report_exception("hallway: an event of a hub was lost");
  }
}

/// @param address  nullopt: the hub is looked for
Task<> connect_task(Operation* operation, PyObject* type, PyObject* guest,
                    std::optional<std::string> address, hub::ClientOptions options,
                    std::unique_ptr<HubCore> core) {
  const Reference kept = Reference::borrow(guest);
  const Reference kept_type = Reference::borrow(type);
  Loop& loop = state_of<Guest>(guest).loop();
  auto connecting = address ? hub::Client::connect(loop, AddressSpec(*address), options)
                            : hub::Client::find(loop, options);
  auto client = co_await std::move(connecting);
  if (!client) {
    operation->finish(raise(client.error()));
    co_return;
  }
  core->client.emplace(std::move(*client));
  operation->finish(
      make_object<HubState>(reinterpret_cast<PyTypeObject*>(type), guest, std::move(core)));
}

PyObject* connect(PyObject* type, PyObject* positional, PyObject* named) {
  return guarded([&]() -> PyObject* {
    PyObject* guest = nullptr;
    PyObject* where = nullptr;
    PyObject* on_event = nullptr;
    std::optional<std::string> address;
    hub::ClientOptions to;
    std::optional<std::uint32_t> attempts;
    OverflowPolicy delivery = OverflowPolicy::disconnect;
    Options options(named);
    if (!PyArg_ParseTuple(positional, "OO:connect", &guest, &where) || !check_guest(guest) ||
        (where != Py_None && !read_address(where, "address", address.emplace())) ||
        !options.read("name", to.name) || !options.read("server_uid", to.server_uid) ||
        !options.read("timeout", to.timeout) || !options.read("retry_for", to.retry_for) ||
        !options.read("echo", to.echo) || !options.read("max_reconnects", attempts) ||
        !options.read("outbound", to.limits.outbound) || !options.read("inbox", to.limits.inbox) ||
        !options.read("max_message", to.limits.max_message) ||
        !options.read("full", to.overflow, hub::publish_policies) ||
        !options.read("delivery", delivery, delivery_policies) ||
        !options.read("on_event", on_event) || !options.finish("hub"))
      return nullptr;
    if (attempts) to.reconnect.max_attempts = *attempts;
    if (delivery != OverflowPolicy::disconnect) to.delivery_overflow = delivery;
    auto core = std::make_unique<HubCore>();
    if (on_event != nullptr) {
      core->on_event = Reference::borrow(on_event);
      to.on_event = [in = core.get(), on = &state_of<Guest>(guest)](const hub::ClientEvent& event) {
        report_event(*on, *in, event);
      };
    }
    return start_operation(guest, nullptr, [&](Operation& operation) {
      return connect_task(&operation, type, guest, address, to, std::move(core));
    });
  });
}

// Publishing -------------------------------------------------------------------------------------

/// What is published, owned until the library has taken it.
struct Publication {
  std::string subject;
  std::string payload;
  std::string reply;
  std::vector<std::pair<std::string, std::string>> header;

  [[nodiscard]] std::vector<hub::Field> fields() const {
    std::vector<hub::Field> views;
    views.reserve(header.size());
    for (const auto& [name, value] : header) views.push_back({name, value});
    return views;
  }
};

/// A dict, or an iterable of (name, value).
bool read_header(PyObject* given, std::vector<std::pair<std::string, std::string>>& into) {
  if (given == nullptr || given == Py_None) return true;
  const Reference items =
      PyDict_Check(given) ? Reference::adopt(PyDict_Items(given)) : Reference::borrow(given);
  const Reference iterator = Reference::adopt(items ? PyObject_GetIter(items.get()) : nullptr);
  while (iterator) {
    const Reference item = Reference::adopt(PyIter_Next(iterator.get()));
    if (!item) break;
    if (!PyTuple_Check(item.get()) || PyTuple_Size(item.get()) != 2) {
      PyErr_SetString(PyExc_TypeError, "header must be a dict, or an iterable of (name, value)");
      return false;
    }
    auto& [name, value] = into.emplace_back();
    if (!read_text(PyTuple_GetItem(item.get(), 0), "a name in header", name) ||
        !read_text(PyTuple_GetItem(item.get(), 1), "a value in header", value))
      return false;
  }
  if (PyErr_Occurred() == nullptr) return true;
  if (is_raised(PyExc_TypeError)) {
    PyErr_SetString(PyExc_TypeError, "header must be a dict, or an iterable of (name, value)");
  }
  return false;
}

bool read_bytes(PyObject* given, const char* name, std::string& into) {
  Bytes bytes;
  if (!bytes.read(given, name)) return false;
  into = bytes.view();
  return true;
}

Task<> publish_task(Operation* operation, HubCore* core, Publication published) {
  const std::vector<hub::Field> fields = published.fields();
  const hub::PublishOptions options{.reply = published.reply, .header = fields};
  const hub::Sent sent =
      co_await core->client->publish(published.subject, published.payload, options);
  if (sent.outcome() == Outcome::would_block) {
    PyErr_SetString(PyExc_BlockingIOError, "there is no room to publish to the hub");
    operation->finish(nullptr);
    co_return;
  }
  operation->finish(sent ? none() : raise(sent.outcome(), sent.error()));
}

PyObject* publish(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                  PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    HubState& state = python::state(self);
    static constexpr std::array names{"subject", "payload", "reply", "header"};
    std::array<PyObject*, names.size()> given{};
    if (!state.check() ||
        !read_arguments("publish", names, 1, arguments, positional, keywords, given))
      return nullptr;
    Py_ssize_t size = 0;
    const char* const subject =
        PyUnicode_Check(given[0]) ? PyUnicode_AsUTF8AndSize(given[0], &size) : nullptr;
    if (subject == nullptr) {
      if (PyErr_Occurred() == nullptr)
        PyErr_Format(PyExc_TypeError, "subject must be str, not %R", Py_TYPE(given[0]));
      return nullptr;
    }
    Publication slow;
    Bytes payload;
    if ((given[1] != nullptr && !payload.read(given[1], "payload")) ||
        (given[2] != nullptr && given[2] != Py_None && !read_text(given[2], "reply", slow.reply)) ||
        !read_header(given[3], slow.header))
      return nullptr;
    if (!state.guest().request_turn(state.user.object())) return nullptr;
    const std::vector<hub::Field> fields = slow.fields();
    const hub::Sent sent =
        state.client().try_publish({subject, static_cast<std::size_t>(size)}, payload.view(),
                                   {.reply = slow.reply, .header = fields});
    if (sent) [[likely]]
      return done();
    if (sent.outcome() != Outcome::would_block) return raise(sent.outcome(), sent.error());
    slow.subject.assign(subject, static_cast<std::size_t>(size));
    slow.payload = payload.view();
    return start_operation(state.user.object(), self, [&](Operation& operation) {
      return publish_task(&operation, state.core.get(), std::move(slow));
    });
  });
}

Task<> request_task(Operation* operation, HubCore* core, Publication published, Duration within) {
  const std::vector<hub::Field> fields = published.fields();
  auto requesting = core->client->request(published.subject, published.payload, within, fields);
  const hub::Received received = co_await std::move(requesting);
  operation->finish(received ? make_message(*received)
                             : raise(received.outcome(), received.error()));
}

PyObject* request(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                  PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    HubState& state = python::state(self);
    static constexpr std::array names{"subject", "payload", "timeout", "header"};
    std::array<PyObject*, names.size()> given{};
    Publication published;
    Duration within = defaults::request_time;
    if (!state.check() ||
        !read_arguments("request", names, 1, arguments, positional, keywords, given) ||
        !read_text(given[0], "subject", published.subject) ||
        (given[1] != nullptr && !read_bytes(given[1], "payload", published.payload)) ||
        (given[2] != nullptr && !read_duration(given[2], "timeout", within)) ||
        !read_header(given[3], published.header))
      return nullptr;
    return start_operation(state.user.object(), self, [&](Operation& operation) {
      return request_task(&operation, state.core.get(), std::move(published), within);
    });
  });
}

PyObject* subscribe(PyObject* self, PyObject* positional, PyObject* named) {
  return guarded([&]() -> PyObject* {
    HubState& state = python::state(self);
    PyTypeObject* type = nullptr;
    PyObject* given = nullptr;
    std::string subject;
    std::string queue;
    hub::SubscribeOptions to;
    Options options(named);
    if (!state.check() ||
        !PyArg_ParseTuple(positional, "O!O:subscribe", &PyType_Type, &type, &given) ||
        !read_text(given, "subject", subject) || !options.read("queue", queue) ||
        !options.read("max", to.max) || !options.read("inbox", to.inbox) ||
        !options.read("full", to.overflow, hub::inbox_policies) || !options.finish("subscribe"))
      return nullptr;
    if (PyType_IsSubtype(type, subscription_type) == 0) {
      PyErr_SetString(PyExc_TypeError, "a subclass of Subscription is needed");
      return nullptr;
    }
    to.queue = queue;
    auto made = state.client().subscribe(subject, to);
    if (!made) return raise(made.error());
    if (!state.guest().request_turn(state.user.object())) return nullptr;
    return make_object<SubscriptionState>(type, state.user.object(), self,
                                          std::make_unique<SubscriptionCore>(std::move(*made)));
  });
}

Task<> flush_task(Operation* operation, HubCore* core, Duration within) {
  auto flushing = core->client->flush(within);
  const hub::Sent sent = co_await std::move(flushing);
  operation->finish(sent ? none() : raise(sent.outcome(), sent.error()));
}

Task<> drain_task(Operation* operation, HubCore* core, Duration within) {
  auto draining = core->client->drain(within);
  const hub::Sent sent = co_await std::move(draining);
  operation->finish(sent ? none() : raise(sent.outcome(), sent.error()));
}

PyObject* flush_by(Task<> (*how)(Operation*, HubCore*, Duration), const char* function,
                   Duration within, PyObject* self, PyObject* const* arguments,
                   Py_ssize_t positional, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    HubState& state = python::state(self);
    static constexpr std::array names{"timeout"};
    std::array<PyObject*, names.size()> given{};
    if (!state.check() ||
        !read_arguments(function, names, 0, arguments, positional, keywords, given) ||
        (given[0] != nullptr && !read_duration(given[0], "timeout", within)))
      return nullptr;
    return start_operation(state.user.object(), self, [&](Operation& operation) {
      return how(&operation, state.core.get(), within);
    });
  });
}

PyObject* flush(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                PyObject* keywords) {
  return flush_by(flush_task, "flush", defaults::request_time, self, arguments, positional,
                  keywords);
}

PyObject* drain(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                PyObject* keywords) {
  return flush_by(drain_task, "drain", ServerLimits{}.drain_time, self, arguments, positional,
                  keywords);
}

PyObject* close(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    HubState& state = python::state(self);
    if (state.core->closed || !state.guest().owner().is_this_process()) return none();
    if (!state.guest().check()) return nullptr;
    state.core->closed = true;
    state.client().close();
    if (!state.guest().request_turn(state.user.object())) PyErr_Clear();  // the host is closed
    return none();
  });
}

PyObject* get_hub_address(PyObject* self, void* /*unused*/) {
  return guarded([&] { return to_text(state(self).client().address().unescaped()); });
}
PyObject* get_connected(PyObject* self, void* /*unused*/) {
  return PyBool_FromLong(!state(self).core->closed && state(self).client().connected() ? 1 : 0);
}
PyObject* get_max_payload(PyObject* self, void* /*unused*/) {
  return PyLong_FromSize_t(state(self).client().max_payload());
}
PyObject* get_unsent_bytes(PyObject* self, void* /*unused*/) {
  return PyLong_FromSize_t(state(self).client().unsent_bytes());
}
PyObject* get_hub_counters(PyObject* self, void* /*unused*/) {
  const hub::ClientCounters counters = state(self).client().counters();
  return Py_BuildValue("{sK sK sK sK}", "messages_published",
                       static_cast<unsigned long long>(counters.messages_published),
                       "messages_received",
                       static_cast<unsigned long long>(counters.messages_received), "dropped",
                       static_cast<unsigned long long>(counters.dropped), "reconnects",
                       static_cast<unsigned long long>(counters.reconnects));
}

PyMethodDef hub_methods[] = {
    {"_connect", method(connect), METH_CLASS | METH_VARARGS | METH_KEYWORDS, nullptr},
    {"publish", method(publish), fast,
     "publish($self, subject, payload=b'', reply=None, header=None)\n--\n\nQueues one message. "
     "Await the result: it suspends only while there is no room.\n\nreply is the subject for "
     "answers; header a dict, or an iterable of (name, value)."},
    {"request", method(request), fast,
     "request($self, subject, payload=b'', timeout=30.0, header=None)\n--\n\nAwait it: publishes, "
     "and gives the first answer.\n\nhallway.NoResponders: nothing subscribes to the subject. "
     "TimeoutError: no answer in time."},
    {"_subscribe", method(subscribe), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"flush", method(flush), fast,
     "flush($self, timeout=30.0)\n--\n\nAwait it: until the hub has everything that was "
     "published."},
    {"drain", method(drain), fast,
     "drain($self, timeout=10.0)\n--\n\nAwait it: unsubscribes, lets the receivers take what has "
     "arrived, sends what is queued and\ncloses."},
    {"close", method(close), METH_NOARGS,
     "close($self)\n--\n\nWrites what is queued, then closes. Every wait ends with "
     "hallway.Closed."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef hub_members[] = {
    {"address", get_hub_address, nullptr, nullptr, nullptr},
    {"connected", get_connected, nullptr, nullptr, nullptr},
    {"max_payload", get_max_payload, nullptr, nullptr, nullptr},
    {"unsent_bytes", get_unsent_bytes, nullptr, nullptr, nullptr},
    {"counters", get_hub_counters, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot hub_slots[] = {
    {Py_tp_dealloc, slot(destroy_object<HubState>)},
    {Py_tp_new, slot(refuse_new)},
    {Py_tp_methods, hub_methods},
    {Py_tp_getset, hub_members},
    {0, nullptr},
};

PyType_Spec hub_spec = {"hallway._core.Hub", sizeof(Object<HubState>), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, hub_slots};

}  // namespace

bool add_hub(PyObject* module) {
  message_type = add_type(module, message_spec);
  subscription_type = add_type(module, subscription_spec);
  return message_type != nullptr && subscription_type != nullptr &&
         add_type(module, hub_spec) != nullptr;
}

}  // namespace hallway::python
