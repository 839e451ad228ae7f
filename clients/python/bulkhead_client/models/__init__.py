"""Contains all the data models used in inputs/outputs"""

from .batch_document import BatchDocument
from .batch_document_metadata import BatchDocumentMetadata
from .batch_result import BatchResult
from .batch_results import BatchResults
from .budget_problem import BudgetProblem
from .budget_state import BudgetState
from .called_function import CalledFunction
from .chat_completion import ChatCompletion
from .chat_completion_request import ChatCompletionRequest
from .chat_completion_request_metadata import ChatCompletionRequestMetadata
from .chat_message import ChatMessage
from .chat_role import ChatRole
from .choice import Choice
from .citation import Citation
from .completed_message import CompletedMessage
from .completion_call import CompletionCall
from .completion_message import CompletionMessage
from .completion_part import CompletionPart
from .completion_role import CompletionRole
from .completion_tool import CompletionTool
from .completion_usage import CompletionUsage
from .create_batch import CreateBatch
from .create_document import CreateDocument
from .create_document_metadata import CreateDocumentMetadata
from .create_key import CreateKey
from .create_upload import CreateUpload
from .create_upload_metadata import CreateUploadMetadata
from .dead_letter import DeadLetter
from .dead_letter_page import DeadLetterPage
from .delete_by_filter import DeleteByFilter
from .delete_by_filter_filter import DeleteByFilterFilter
from .delete_documents import DeleteDocuments
from .deleted_by_filter import DeletedByFilter
from .deletion_result import DeletionResult
from .deletion_results import DeletionResults
from .difference import Difference
from .document import Document
from .document_metadata import DocumentMetadata
from .document_page import DocumentPage
from .document_passage import DocumentPassage
from .document_status import DocumentStatus
from .document_upload import DocumentUpload
from .document_waiting_reason import DocumentWaitingReason
from .embedding_entry import EmbeddingEntry
from .embedding_list import EmbeddingList
from .embedding_request import EmbeddingRequest
from .embedding_usage import EmbeddingUsage
from .encoding_format import EncodingFormat
from .finish_reason import FinishReason
from .found import Found
from .function_definition import FunctionDefinition
from .function_definition_parameters import FunctionDefinitionParameters
from .function_kind import FunctionKind
from .function_name import FunctionName
from .grounding import Grounding
from .grounding_variables import GroundingVariables
from .grounds import Grounds
from .infer import Infer
from .infer_variables import InferVariables
from .inference import Inference
from .inference_output_type_0 import InferenceOutputType0
from .inference_record import InferenceRecord
from .json_schema import JsonSchema
from .json_schema_schema import JsonSchemaSchema
from .key import Key
from .key_list import KeyList
from .key_with_secret import KeyWithSecret
from .label_move import LabelMove
from .labels import Labels
from .labels_labels import LabelsLabels
from .message import Message
from .metadata_equals import MetadataEquals
from .model_entry import ModelEntry
from .model_facts import ModelFacts
from .model_list import ModelList
from .money_budget import MoneyBudget
from .move_label import MoveLabel
from .named_function import NamedFunction
from .output import Output
from .output_schema import OutputSchema
from .passage_page import PassagePage
from .patch_document import PatchDocument
from .patch_document_metadata_type_0 import PatchDocumentMetadataType0
from .problem import Problem
from .problem_current_type_0 import ProblemCurrentType0
from .progress import Progress
from .recorded import Recorded
from .recorded_content import RecordedContent
from .recorded_passage import RecordedPassage
from .redriven import Redriven
from .render_template import RenderTemplate
from .render_template_variables import RenderTemplateVariables
from .rendered_template import RenderedTemplate
from .response_format_type_0 import ResponseFormatType0
from .response_format_type_0_type import ResponseFormatType0Type
from .response_format_type_1 import ResponseFormatType1
from .response_format_type_1_type import ResponseFormatType1Type
from .retrieval import Retrieval
from .retrieval_filter_type_0 import RetrievalFilterType0
from .rotate_key import RotateKey
from .save_template import SaveTemplate
from .save_template_variables_type_0 import SaveTemplateVariablesType0
from .search import Search
from .shown_status import ShownStatus
from .source import Source
from .stream_citations import StreamCitations
from .stream_delta import StreamDelta
from .stream_done import StreamDone
from .stream_done_output_type_0 import StreamDoneOutputType0
from .stream_options import StreamOptions
from .stream_start import StreamStart
from .template import Template
from .template_diff import TemplateDiff
from .template_entry import TemplateEntry
from .template_message import TemplateMessage
from .template_page import TemplatePage
from .template_role import TemplateRole
from .template_variables_type_0 import TemplateVariablesType0
from .template_version import TemplateVersion
from .text_kind import TextKind
from .text_range import TextRange
from .token_budget import TokenBudget
from .tool import Tool
from .tool_call import ToolCall
from .tool_call_input import ToolCallInput
from .tool_input_schema import ToolInputSchema
from .tool_mode import ToolMode
from .upload import Upload
from .upload_headers import UploadHeaders
from .usage import Usage
from .usage_counts import UsageCounts
from .usage_line import UsageLine
from .usage_report import UsageReport
from .version_entry import VersionEntry
from .version_page import VersionPage

__all__ = (
    "BatchDocument",
    "BatchDocumentMetadata",
    "BatchResult",
    "BatchResults",
    "BudgetProblem",
    "BudgetState",
    "CalledFunction",
    "ChatCompletion",
    "ChatCompletionRequest",
    "ChatCompletionRequestMetadata",
    "ChatMessage",
    "ChatRole",
    "Choice",
    "Citation",
    "CompletedMessage",
    "CompletionCall",
    "CompletionMessage",
    "CompletionPart",
    "CompletionRole",
    "CompletionTool",
    "CompletionUsage",
    "CreateBatch",
    "CreateDocument",
    "CreateDocumentMetadata",
    "CreateKey",
    "CreateUpload",
    "CreateUploadMetadata",
    "DeadLetter",
    "DeadLetterPage",
    "DeleteByFilter",
    "DeleteByFilterFilter",
    "DeletedByFilter",
    "DeleteDocuments",
    "DeletionResult",
    "DeletionResults",
    "Difference",
    "Document",
    "DocumentMetadata",
    "DocumentPage",
    "DocumentPassage",
    "DocumentStatus",
    "DocumentUpload",
    "DocumentWaitingReason",
    "EmbeddingEntry",
    "EmbeddingList",
    "EmbeddingRequest",
    "EmbeddingUsage",
    "EncodingFormat",
    "FinishReason",
    "Found",
    "FunctionDefinition",
    "FunctionDefinitionParameters",
    "FunctionKind",
    "FunctionName",
    "Grounding",
    "GroundingVariables",
    "Grounds",
    "Infer",
    "Inference",
    "InferenceOutputType0",
    "InferenceRecord",
    "InferVariables",
    "JsonSchema",
    "JsonSchemaSchema",
    "Key",
    "KeyList",
    "KeyWithSecret",
    "LabelMove",
    "Labels",
    "LabelsLabels",
    "Message",
    "MetadataEquals",
    "ModelEntry",
    "ModelFacts",
    "ModelList",
    "MoneyBudget",
    "MoveLabel",
    "NamedFunction",
    "Output",
    "OutputSchema",
    "PassagePage",
    "PatchDocument",
    "PatchDocumentMetadataType0",
    "Problem",
    "ProblemCurrentType0",
    "Progress",
    "Recorded",
    "RecordedContent",
    "RecordedPassage",
    "Redriven",
    "RenderedTemplate",
    "RenderTemplate",
    "RenderTemplateVariables",
    "ResponseFormatType0",
    "ResponseFormatType0Type",
    "ResponseFormatType1",
    "ResponseFormatType1Type",
    "Retrieval",
    "RetrievalFilterType0",
    "RotateKey",
    "SaveTemplate",
    "SaveTemplateVariablesType0",
    "Search",
    "ShownStatus",
    "Source",
    "StreamCitations",
    "StreamDelta",
    "StreamDone",
    "StreamDoneOutputType0",
    "StreamOptions",
    "StreamStart",
    "Template",
    "TemplateDiff",
    "TemplateEntry",
    "TemplateMessage",
    "TemplatePage",
    "TemplateRole",
    "TemplateVariablesType0",
    "TemplateVersion",
    "TextKind",
    "TextRange",
    "TokenBudget",
    "Tool",
    "ToolCall",
    "ToolCallInput",
    "ToolInputSchema",
    "ToolMode",
    "Upload",
    "UploadHeaders",
    "Usage",
    "UsageCounts",
    "UsageLine",
    "UsageReport",
    "VersionEntry",
    "VersionPage",
)
