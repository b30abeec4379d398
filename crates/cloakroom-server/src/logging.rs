//! The log: lines for people or JSON, on standard error, without secrets.

mod escape;
mod fields;
mod line;

use std::io::Write;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use fields::Fields;
use line::Line;

use crate::config::{Log, LogFormat, LogLevel};

/// Starts the log. Later calls do nothing.
pub fn start(log: Log) {
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let lines = Lines { format: log.format };
    // Only a second start in one process fails, and then the first log goes on.
    let _ = tracing_subscriber::registry().with(level).with(lines).try_init();
}

/// Writes each event as one line, with what is known of the request it belongs to.
struct Lines {
    format: LogFormat,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.complete(of_span);
            }
        }
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let line = Line::new(jiff::Timestamp::now(), *level, target, fields);
        let text = match self.format {
            LogFormat::Text => line.text(),
            LogFormat::Json => line.json(),
        };
        // Whoever reads it may be gone; the server runs on.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Has panics logged like everything else, by their place alone: their text can quote what a
/// client sent.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a part of the program failed; this is a defect");
    }));
}
