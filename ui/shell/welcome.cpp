// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/welcome.h"

#include <QFrame>
#include <QGridLayout>
#include <QLabel>
#include <QPushButton>
#include <QResizeEvent>
#include <QVBoxLayout>
#include <algorithm>

namespace starglass::ui {
namespace {

struct Card {
    QFrame* frame;
    QVBoxLayout* column;
};

Card makeCard(const QString& title, const QString& text, QWidget* parent) {
    auto* frame = new QFrame(parent);
    frame->setProperty("card", true);
    frame->setAccessibleName(title);
    auto* column = new QVBoxLayout(frame);
    column->setContentsMargins(16, 14, 16, 14);
    column->setSpacing(8);
    auto* head = new QLabel(title, frame);
    head->setProperty("cardTitle", true);
    auto* body = new QLabel(text, frame);
    body->setWordWrap(true);
    body->setProperty("quiet", true);
    column->addWidget(head);
    column->addWidget(body);
    return {frame, column};
}

}  // namespace

Welcome::Welcome(QWidget* parent) : QScrollArea(parent) {
    setWidgetResizable(true);
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setAccessibleName(tr("Welcome"));
    setFocusPolicy(Qt::NoFocus);
    auto* page = new QWidget;
    page->setBackgroundRole(QPalette::Base);
    page->setAutoFillBackground(true);
    setWidget(page);

    title_ = new QLabel(tr("Starglass"), page);
    title_->setProperty("welcomeTitle", true);
    marker_ = new QLabel(tr("Built-in model: shows the tools, not the quality"), page);
    marker_->setProperty("quiet", true);
    marker_->hide();

    const Card prompts =
        makeCard(tr("Try a prompt"),
                 tr("The model answers on this machine, thinking shown above the answer."), page);
    const QString examples[] = {tr("What does the expert heat map show?"), tr("What is 47 + 38?"),
                                tr("How do I open the real model?"), tr("What time is it?")};
    for (const QString& example : examples) {
        auto* button = new QPushButton(example, prompts.frame);
        button->setProperty("row", true);
        connect(button, &QPushButton::clicked, this,
                [this, example] { emit promptChosen(example); });
        prompts.column->addWidget(button);
    }
    prompts.column->addStretch(1);

    const auto addButton = [this](const Card& card, const QString& label,
                                  void (Welcome::*signal)()) {
        card.column->addStretch(1);
        auto* button = new QPushButton(label, card.frame);
        connect(button, &QPushButton::clicked, this, signal);
        card.column->addWidget(button, 0, Qt::AlignLeft);
    };
    const Card inspector = makeCard(
        tr("Explore the inspector"),
        tr("See which experts each token used, how sure the model was of it, and how fast it "
           "came. Click a word of an answer to look at that token."),
        page);
    addButton(inspector, tr("Show the inspector"), &Welcome::inspectorWanted);
    const Card model = makeCard(tr("Choose the real model"),
                                tr("Open a GGUF of DeepSeek V4 Flash from your disk. It is read in "
                                   "place, never copied, and "
                                   "its loading can be cancelled."),
                                page);
    addButton(model, tr("Open model…"), &Welcome::modelWanted);
    const Card agents = makeCard(
        tr("Connect an agent"),
        tr("Scripts and agents can already use the same engine through starglass-cli. A local "
           "server is not part of this version, so nothing listens on any port."),
        page);
    addButton(agents, tr("Show how"), &Welcome::agentsWanted);
    cards_[0] = prompts.frame;
    cards_[1] = inspector.frame;
    cards_[2] = model.frame;
    cards_[3] = agents.frame;

    grid_ = new QGridLayout;
    grid_->setSpacing(14);
    auto* column = new QVBoxLayout(page);
    column->setContentsMargins(32, 36, 32, 24);
    column->setSpacing(4);
    column->addWidget(title_);
    column->addWidget(marker_);
    column->addSpacing(14);
    column->addLayout(grid_);
    column->addStretch(1);
    arrange();
}

void Welcome::setBuiltin(bool builtin) {
    marker_->setVisible(builtin);
}

void Welcome::setModelName(const QString& name) {
    title_->setText(name.isEmpty() ? tr("Starglass") : tr("Chat with %1").arg(name));
}

void Welcome::resizeEvent(QResizeEvent* event) {
    QScrollArea::resizeEvent(event);
    // The cards keep to the column the transcript will have.
    const int margin = std::max(24, (viewport()->width() - 780) / 2);
    widget()->layout()->setContentsMargins(margin, 36, margin, 24);
    arrange();
}

void Welcome::arrange() {
    const int columns = viewport()->width() >= 560 ? 2 : 1;
    if (columns == columns_) return;
    columns_ = columns;
    for (int i = 0; i < 4; ++i) {
        grid_->removeWidget(cards_[i]);
        grid_->addWidget(cards_[i], i / columns, i % columns);
    }
    for (int i = 0; i < 2; ++i) grid_->setColumnStretch(i, i < columns ? 1 : 0);
}

}  // namespace starglass::ui
