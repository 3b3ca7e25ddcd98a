"""The models, one per file; importing this package registers them all."""

from pixelart.models import diagonal_bilstm as diagonal_bilstm
from pixelart.models import gated_pixelcnn as gated_pixelcnn
from pixelart.models import multiscale as multiscale
from pixelart.models import pixelcnn as pixelcnn
from pixelart.models import pixelcnn_plus_plus as pixelcnn_plus_plus
from pixelart.models import pixelsnail as pixelsnail
from pixelart.models import row_lstm as row_lstm
from pixelart.models import row_rnn as row_rnn
from pixelart.models import sketch_pixelcnn as sketch_pixelcnn
from pixelart.models.base import AutoregressiveModel as AutoregressiveModel
from pixelart.models.base import ModelConfig as ModelConfig
from pixelart.models.base import RasterModel as RasterModel
from pixelart.models.base import to_channels_last as to_channels_last
from pixelart.models.multiscale import scale_of_pixels as scale_of_pixels
from pixelart.models.registry import check_codec as check_codec
from pixelart.models.registry import config_from_dict as config_from_dict
from pixelart.models.registry import config_to_dict as config_to_dict
from pixelart.models.registry import create_model as create_model
from pixelart.models.registry import get_preset as get_preset
from pixelart.models.registry import get_variant as get_variant
from pixelart.models.registry import list_models as list_models
