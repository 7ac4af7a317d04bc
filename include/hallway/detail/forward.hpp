// SPDX-License-Identifier: Apache-2.0
// Layer: core
//
// Internal classes that the public headers name as friends and behind pointers.
#pragma once

namespace hallway::detail {

class ConnectionState;
class InterruptibleWait;
class ListenerHandover;
class LoopCore;
class OneShotWatch;
class ServerHandover;
class ServerListeners;
class SleepTimer;
class TaskGroup;
struct ConnectionHalves;
struct DrainAction;
struct SemaphoreState;
struct TaskMember;

}  // namespace hallway::detail
