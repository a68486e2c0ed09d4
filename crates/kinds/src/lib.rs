//! The custom resources that Trueup serves: Flux's groups, their conditions, reasons, events and definitions.
