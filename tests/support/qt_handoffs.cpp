// SPDX-License-Identifier: MIT
//
// Tells the race checker what Qt does between threads. Qt is not instrumented: what its event
// queues and threads order looks unordered, and every queued call like a race. So what our code
// calls to hand something over is caught on its way into Qt:
//
//   a signal, a queued call, a task of a thread pool    orders what came before it
//   the delivery of an event, the start of a task       comes after all of these
//   the end of a thread                                 comes before wait() returns
//
// A queued signal's values are copied inside Qt, after that and before the delivery, and nothing of
// Qt's in between can be caught: on other threads than the first, where signals are queued, what a
// signal does is not watched. What it hands over still is, up to then and from then on.
//
// Deliveries come after every hand-over up to then, not only their own, so a race can hide behind
// another hand-over at the same moment; what the engine does without Qt is checked by its own
// tests. Linked into the window's tests under the thread sanitizer only.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <QCoreApplication>
#include <QDeadlineTimer>
#include <QObject>
#include <QThread>
#include <QThreadPool>
#include <functional>
#include <thread>
#include <utility>

extern "C" {
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}

namespace {

char handed_over;

void release() {
    __tsan_release(&handed_over);
}
void acquire() {
    __tsan_acquire(&handed_over);
}

bool on_delivery(void**) {
    acquire();
    return false;
}
const bool kRegistered = QInternal::registerCallback(QInternal::EventNotifyCallback, on_delivery);

const std::thread::id kFirstThread = std::this_thread::get_id();

// While it lives, what this thread does is not watched, unless it is the first.
class Unwatched {
public:
    Unwatched() {
        if (active_) AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    }
    ~Unwatched() {
        if (active_) AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    }
    Unwatched(const Unwatched&) = delete;
    Unwatched& operator=(const Unwatched&) = delete;

private:
    const bool active_ = std::this_thread::get_id() != kFirstThread;
};

template <class Function>
Function next(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

void QMetaObject::activate(QObject* sender, const QMetaObject* meta, int signal, void** arguments) {
    static const auto real = next<void (*)(QObject*, const QMetaObject*, int, void**)>(
        "_ZN11QMetaObject8activateEP7QObjectPKS_iPPv");
    release();
    const Unwatched copies;
    real(sender, meta, signal, arguments);
}

bool QMetaObject::invokeMethodImpl(QObject* object, QtPrivate::QSlotObjectBase* slot,
                                   Qt::ConnectionType type, void* result) {
    static const auto real =
        next<bool (*)(QObject*, QtPrivate::QSlotObjectBase*, Qt::ConnectionType, void*)>(
            "_ZN11QMetaObject16invokeMethodImplEP7QObjectPN9QtPrivate15QSlotObjectBaseEN2Qt14Connec"
            "tionTypeEPv");
    release();
    return real(object, slot, type, result);
}

void QCoreApplication::postEvent(QObject* receiver, QEvent* event, int priority) {
    static const auto real = next<void (*)(QObject*, QEvent*, int)>(
        "_ZN16QCoreApplication9postEventEP7QObjectP6QEventi");
    release();
    real(receiver, event, priority);
}

void QThread::start(Priority priority) {
    static const auto real = next<void (*)(QThread*, Priority)>("_ZN7QThread5startENS_8PriorityE");
    QObject::connect(this, &QThread::finished, this, release, Qt::DirectConnection);
    release();
    real(this, priority);
}

bool QThread::wait(QDeadlineTimer deadline) {
    static const auto real =
        next<bool (*)(QThread*, QDeadlineTimer)>("_ZN7QThread4waitE14QDeadlineTimer");
    const bool ended = real(this, deadline);
    acquire();
    return ended;
}

void QThreadPool::start(std::function<void()> task, int priority) {
    static const auto real = next<void (*)(QThreadPool*, std::function<void()>, int)>(
        "_ZN11QThreadPool5startESt8functionIFvvEEi");
    std::function<void()> ordered = [task = std::move(task)] {
        acquire();
        task();
        release();
    };
    release();
    real(this, std::move(ordered), priority);
}
