// A child process at the other end of a socket pair.
//
//   design_child [WORD...]    sends the words to ./worker --fast, prints what it answers
#include <iostream>

#include <hallway/hallway.hpp>

using namespace hallway;

Task<int> give_work(Loop& loop, int argc, char** argv) {
  auto child = Child::spawn(loop, {"./worker", "--fast"});  // child.connection(), child.wait()
  if (!child) co_return report(child.error());

  Connection& worker = child->connection();
  for (int i = 1; i < argc; ++i) {
    auto answer = co_await worker.request(argv[i]);
    if (!answer) co_return report(answer.error());
    std::cout << answer->bytes() << '\n';
  }
  worker.half_close();  // ends the worker's input

  const auto status = co_await child->wait();
  if (!status) co_return report(status.error());
  std::cout << "the worker ended: " << status->to_string() << '\n';
  co_return status->success() ? 0 : 1;
}

int main(int argc, char** argv) {
  Loop loop;
  return loop.run(give_work(loop, argc, argv));
}
