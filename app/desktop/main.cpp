// SPDX-License-Identifier: GPL-3.0-or-later
//
// The desktop: arguments, the way to the engine, one window. No network code.
#include <QAction>
#include <QApplication>
#include <QCommandLineParser>
#include <QDir>
#include <QFileInfo>
#include <QFontDatabase>
#include <QIcon>
#include <QSettings>
#include <QStandardPaths>
#include <QStorageInfo>
#include <QTemporaryDir>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "builtin/builtin_model.h"
#include "desktop/screenshots.h"
#include "engine/devices.h"
#include "engine/experts.h"
#include "inspector/cache_tab.h"
#include "inspector/inspector_panel.h"
#include "library/library_service.h"
#include "sessions/checkpoint_titles.h"
#include "shell/main_window.h"
#include "shell/placement_text.h"

using namespace starglass;
using namespace starglass::ui;

namespace {

struct Arguments {
    QString model;
    QString screenshots;
    EngineOptions engine;
    bool memoryGiven = false;
    ThemeChoice theme = ThemeChoice::desktop;
    bool themeGiven = false;
};

int complain(const QString& sentence) {
    std::fprintf(stderr, "starglass: %s\n", qPrintable(sentence));
    return 2;
}

// Exits for --help, --version and what cannot be understood. Runs before QApplication, so that
// --help works without a display.
int parse(int argc, char** argv, Arguments& out) {
    const QCoreApplication app(argc, argv);
    QCommandLineParser parser;
    parser.setApplicationDescription(QCoreApplication::translate(
        "main",
        "Chat with DeepSeek V4 on this computer. Without --model the built-in model is used."));
    parser.addHelpOption();
    parser.addVersionOption();
    const QCommandLineOption model(QStringLiteral("model"), QStringLiteral("Open this GGUF."),
                                   QStringLiteral("FILE"));
    const QCommandLineOption context(
        QStringLiteral("context"),
        QStringLiteral("Tokens of context; the model's own, at most 32768, without it."),
        QStringLiteral("N"));
    const QCommandLineOption threads(
        QStringLiteral("threads"),
        QStringLiteral("Threads for the engine; one per core without it."), QStringLiteral("N"));
    const QCommandLineOption memory(
        QStringLiteral("memory"),
        QStringLiteral("Keep no more than this in memory, 12GB or 11.5GiB; auto: by what is free; "
                       "mapped: leave it to the system. As chosen last without it."),
        QStringLiteral("SIZE"));
    const QCommandLineOption theme(QStringLiteral("theme"),
                                   QStringLiteral("Colours: light, dark or desktop."),
                                   QStringLiteral("NAME"));
    const QCommandLineOption shots(
        QStringLiteral("screenshot"),
        QStringLiteral("Save pictures of the window, light and dark, into DIR and exit."),
        QStringLiteral("DIR"));
    parser.addOptions({model, context, threads, memory, theme, shots});
    parser.addPositionalArgument(QStringLiteral("file"), QStringLiteral("The same as --model."),
                                 QStringLiteral("[file]"));
    parser.process(app);

    const auto number = [&](const QCommandLineOption& option, qint64 least, qint64 most,
                            qint64& value) {
        if (!parser.isSet(option)) return true;
        bool good = false;
        value = parser.value(option).toLongLong(&good);
        return good && value >= least && value <= most;
    };
    qint64 contextTokens = 0, threadCount = 0;
    if (!number(context, 256, 1 << 24, contextTokens))
        return complain(QStringLiteral("--context takes a number of tokens from 256 to 16777216."));
    if (!number(threads, 1, 1024, threadCount))
        return complain(QStringLiteral("--threads takes a number from 1 to 1024."));
    out.engine.context_tokens = contextTokens;
    out.engine.threads = static_cast<int>(threadCount);
    if (parser.isSet(memory)) {
        const auto bytes = memoryFromText(parser.value(memory));
        if (!bytes)
            return complain(
                QStringLiteral(
                    "--memory takes auto, mapped, or a size like 8GB or 7.5GiB, not '%1'.")
                    .arg(parser.value(memory)));
        out.engine.memory_bytes = *bytes;
        out.memoryGiven = true;
    }
    if (parser.isSet(theme)) {
        const QString name = parser.value(theme);
        if (name == QLatin1String("light"))
            out.theme = ThemeChoice::light;
        else if (name == QLatin1String("dark"))
            out.theme = ThemeChoice::dark;
        else if (name != QLatin1String("desktop"))
            return complain(
                QStringLiteral("--theme takes light, dark or desktop, not '%1'.").arg(name));
        out.themeGiven = true;
    }
    out.screenshots = parser.value(shots);
    out.model = parser.value(model);
    if (out.model.isEmpty() && !parser.positionalArguments().isEmpty())
        out.model = parser.positionalArguments().constFirst();
    return 0;
}

// A folder of ours below the user's for state, for which Qt 6.4 has no name; empty without a home.
std::string stateFolder(const char* ours) {
    QString state = qEnvironmentVariable("XDG_STATE_HOME");
    // The specification of these folders tells programs to ignore relative paths.
    if (!state.startsWith(u'/')) {
        const QString home = QDir::homePath();
        if (!home.startsWith(u'/') || home == QDir::rootPath()) return {};
        state = home + QStringLiteral("/.local/state");
    }
    return (state + QStringLiteral("/starglass/") + QLatin1String(ours)).toStdString();
}

bool haveDisplay() {
#if defined(Q_OS_UNIX) && !defined(Q_OS_MACOS)
    return qEnvironmentVariableIsSet("DISPLAY") || qEnvironmentVariableIsSet("WAYLAND_DISPLAY") ||
           qEnvironmentVariableIsSet("QT_QPA_PLATFORM");
#else
    return true;
#endif
}

EngineOpeners realEngine() {
    EngineOpeners out;
    out.file = [](const std::string& path, const EngineOptions& options,
                  const LoadListener& progress, const CancelToken& cancel) {
        return open_engine(path, options, progress, cancel);
    };
    out.builtin = [](const EngineOptions& options, const LoadListener& progress,
                     const CancelToken& cancel) {
        return open_engine(builtin_model(), "built-in", options, progress, cancel);
    };
    out.devices = [] { return list_vulkan_devices(); };
    out.plan = [](const std::string& path, const PlanRequest& request, const CancelToken& cancel) {
        return plan_model(path, request, cancel);
    };
    out.memory = [] { return process_memory(); };
    out.simulate = simulate_experts;
    return out;
}

// The disk cache's room until somebody chooses another: 32 GB, enough for about a hundred
// conversations of 100k tokens, or a tenth of what is free on the disk where that is less, so that
// a small disk is not filled by something nobody asked for. Never under 256 MB: one long
// conversation must fit.
constexpr qint64 kBudgetMost = 32'000'000'000;
constexpr qint64 kBudgetLeast = 256'000'000;

// Runs on the engine's thread: it looks at the disk.
Result<KvCachePtr> openCache(const QString& folder) {
    KvCacheOptions options;
    options.directory = folder.toStdString();
    const qint64 chosen = QSettings().value(QStringLiteral("cache/budget"), 0).toLongLong();
    if (chosen > 0) {
        options.budget_bytes = chosen;
    } else {
        // The folder may not be there yet; its nearest parent is on the same disk.
        QString there = folder;
        while (!QFileInfo::exists(there) && there != QFileInfo(there).path())
            there = QFileInfo(there).path();
        const qint64 room = QStorageInfo(there).bytesAvailable();
        qint64 tenth = room < 0 ? kBudgetMost : room / 10;
        if (tenth > 1'000'000'000) tenth -= tenth % 1'000'000'000;  // a figure one can say
        options.budget_bytes = std::clamp(tenth, kBudgetLeast, kBudgetMost);
    }
    return open_kv_cache(options);
}

}  // namespace

int main(int argc, char** argv) {
    QCoreApplication::setOrganizationName(QStringLiteral("starglass"));
    QCoreApplication::setApplicationName(QStringLiteral("starglass"));
    QCoreApplication::setApplicationVersion(QStringLiteral(SG_VERSION));
    Arguments arguments;
    if (const int status = parse(argc, argv, arguments); status != 0) return status;
    if (!arguments.screenshots.isEmpty()) {
        qputenv("QT_QPA_PLATFORM", "offscreen");
    } else if (!haveDisplay()) {
        return complain(QStringLiteral(
            "there is no display to open a window on. The same chat runs in a terminal: "
            "starglass-cli chat --builtin"));
    }

    QApplication app(argc, argv);
    QApplication::setApplicationDisplayName(QStringLiteral("Starglass"));
    QGuiApplication::setDesktopFileName(QStringLiteral("io.github.starglass.Starglass"));
    QApplication::setStyle(QStringLiteral("Fusion"));
    QApplication::setWindowIcon(QIcon(QStringLiteral(":/desktop/starglass.png")));
    if (!arguments.screenshots.isEmpty()) {
        // Offscreen there is no desktop to name a font; a proportional one that is there will do.
        const QStringList families = QFontDatabase::families();
        for (const char* name : {"Inter", "Noto Sans", "DejaVu Sans"}) {
            if (!families.contains(QLatin1String(name))) continue;
            QFont font{QLatin1String(name)};
            font.setPointSizeF(9.75);
            QApplication::setFont(font);
            break;
        }
    }
    if (!arguments.themeGiven && arguments.screenshots.isEmpty())
        arguments.theme = static_cast<ThemeChoice>(
            std::clamp(QSettings().value(QStringLiteral("view/theme"), 0).toInt(), 0, 2));
    applyTheme(arguments.theme);

    WindowOptions options;
    options.openers = realEngine();
    options.engine = arguments.engine;
    options.engine.backend = BackendKind::automatic;
    options.memoryGiven = arguments.memoryGiven;
    // XDG: ~/.cache/starglass/pipelines.
    if (arguments.screenshots.isEmpty())
        options.engine.pipeline_folder =
            (QStandardPaths::writableLocation(QStandardPaths::GenericCacheLocation) +
             QStringLiteral("/starglass/pipelines"))
                .toStdString();
    // XDG: ~/.local/state/starglass/experts, where the command line has them too.
    if (arguments.screenshots.isEmpty()) options.engine.expert_folder = stateFolder("experts");
    // Pictures start with an empty cache, and leave nothing behind.
    std::optional<QTemporaryDir> empty;
    if (!arguments.screenshots.isEmpty()) empty.emplace();
    const QString cacheFolder =
        empty ? empty->filePath(QStringLiteral("kv"))
              : QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) +
                    QStringLiteral("/starglass/kv");
    options.openers.cache = [cacheFolder] { return openCache(cacheFolder); };
    options.remember = arguments.screenshots.isEmpty();
    // XDG: ~/.local/share/starglass/sessions.db. Pictures are taken of sessions of their own.
    if (arguments.screenshots.isEmpty())
        options.library = QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) +
                          QStringLiteral("/starglass/sessions.db");
    MainWindow window(std::move(options));
    auto* inspector = new InspectorPanel;
    inspector->follow(window.bridge(), window.chat());
    inspector->followCache(window.cache());
    inspector->followExperts(window.experts());
    QObject::connect(&window, &MainWindow::cacheWanted, inspector, [inspector] {
        inspector->setCurrentIndex(InspectorPanel::kCache);
        inspector->setFocus();
    });
    QObject::connect(&window, &MainWindow::expertsWanted, inspector, [inspector] {
        inspector->setCurrentIndex(InspectorPanel::kExperts);
        inspector->setFocus();
    });
    QObject::connect(&window, &MainWindow::zoomChanged, inspector, &InspectorPanel::setZoom);
    window.setInspector(inspector);
    auto* titles = new CheckpointTitles(window.library(), inspector);
    QObject::connect(titles, &CheckpointTitles::changed, inspector, [inspector, titles] {
        inspector->cacheTab().setSessionTitles(
            [titles](const QString& checkpoint) { return titles->of(checkpoint); });
    });
    QObject::connect(&window.library(), &LibraryService::nextTokensReady, inspector,
                     [inspector](const QString&, const NextTokens& tokens) {
                         inspector->setNextTokens(tokens);
                     });

    std::unique_ptr<ScreenshotRun> run;
    if (!arguments.screenshots.isEmpty()) {
        window.action(QStringLiteral("inspector"))->setChecked(true);
        run = std::make_unique<ScreenshotRun>(window, *inspector, arguments.screenshots);
    }
    window.show();
    if (arguments.model.isEmpty())
        window.openBuiltin();
    else
        window.openModel(QFileInfo(arguments.model).absoluteFilePath());
    return QApplication::exec();
}
