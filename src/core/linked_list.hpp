// SPDX-License-Identifier: Apache-2.0
//
// Lists whose links lie in their elements: to join or leave one never allocates, so it can be
// done in a destructor, and out of memory.
#pragma once

namespace hallway::core {

template <typename T>
class LinkedList;

/// The base of an element: in at most one list, and out of it when it is destroyed.
template <typename T>
class Linked {
 public:
  Linked& operator=(const Linked&) = delete;

  [[nodiscard]] bool linked() const noexcept { return next_ != nullptr; }

  void unlink() noexcept {
    if (!linked()) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  friend T;
  friend class LinkedList<T>;
  Linked() noexcept = default;
  Linked(const Linked&) = delete;
  ~Linked() { unlink(); }

  Linked* previous_ = nullptr;
  Linked* next_ = nullptr;
};

/// First in, first out. Owns none of its elements.
template <typename T>
class LinkedList {
 public:
  LinkedList() noexcept { ends_.previous_ = ends_.next_ = &ends_; }
  LinkedList(const LinkedList&) = delete;
  LinkedList& operator=(const LinkedList&) = delete;
  ~LinkedList() {
    while (pop_front() != nullptr) {
    }
    ends_.next_ = nullptr;
  }

  [[nodiscard]] bool empty() const noexcept { return ends_.next_ == &ends_; }

  /// Moves `element` here from whatever list it is in.
  void push_back(Linked<T>& element) noexcept {
    element.unlink();
    element.previous_ = ends_.previous_;
    element.next_ = &ends_;
    ends_.previous_->next_ = &element;
    ends_.previous_ = &element;
  }

  /// The one that is here for longest, taken out; nullptr when there is none.
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    Linked<T>* first = ends_.next_;
    // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete): who was deleted took himself out before
    first->unlink();
    return static_cast<T*>(first);
  }

  /// Moves everything to the end of `other`.
  void move_to(LinkedList& other) noexcept {
    while (T* element = pop_front()) other.push_back(*element);
  }

  template <typename Predicate>
  [[nodiscard]] bool any_of(Predicate predicate) const {
    for (const Linked<T>* at = ends_.next_; at != &ends_; at = at->next_) {
      if (predicate(*static_cast<const T*>(at))) return true;
    }
    return false;
  }

 private:
  Linked<T> ends_;
};

}  // namespace hallway::core
