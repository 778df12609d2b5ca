//! Amazon Bedrock: the exception's name in `x-amzn-errortype` (unchecked) or `__type`, and `{"message"}`.

use tower_ai_core::Outcome::{Fault, Invalid, Missing, TooLong, Unauthorized};

use crate::reading::row::Source::Seen;
use crate::reading::row::When::{Code, Says};
use crate::reading::row::{OVERLOADED, RATE_LIMITED, Row, WARMING, row};

const LONG: &[&str] = &["input is too long"];
const NOT_YET: &[&str] = &[
    "MPAgreementBeingCreated",
    "MPAgreementBeingCreatedException",
];
const NO_MODEL: &[&str] = &[
    "ResourceNotFoundException",
    "FTUFormNotFilled",
    "FTUFormNotFilledException",
];
const QUOTA: &[&str] = &["ServiceQuotaExceededException"];
const DOWN: &[&str] = &["ServiceUnavailableException"];

/// A status counts beside the name: echoed prompts have neither.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("bedrock: too long",      &[400],      Says(LONG),                              TooLong,      Seen),
    row("bedrock: mistake",       &[400],      Code(&["ValidationException"]),          Invalid,      Seen),
    row("bedrock: quota",         &[400],      Code(QUOTA),                             RATE_LIMITED, Seen),
    row("bedrock: agreement",     &[403, 404], Code(NOT_YET),                           Missing,      Seen),
    row("bedrock: permission",    &[403],      Code(&["AccessDeniedException"]),        Unauthorized, Seen),
    row("bedrock: no such model", &[403, 404], Code(NO_MODEL),                          Missing,      Seen),
    row("bedrock: too slow",      &[408],      Code(&["ModelTimeoutException"]),        Fault,        Seen),
    row("bedrock: model",         &[424],      Code(&["ModelErrorException"]),          Fault,        Seen),
    row("bedrock: warming",       &[429],      Code(&["ModelNotReadyException"]),       WARMING,      Seen),
    row("bedrock: rate",          &[429],      Code(&["ThrottlingException"]),          RATE_LIMITED, Seen),
    row("bedrock: fault",         &[500],      Code(&["InternalServerException"]),      Fault,        Seen),
    row("bedrock: busy",          &[503],      Code(DOWN),                              OVERLOADED,   Seen),
];
